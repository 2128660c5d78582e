"""Text in LaTeX; ``table.tex`` has the table."""

import re
import unicodedata

ESCAPED = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "|": r"\textbar{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "±": r"$\pm$", "−": "$-$", "∞": r"$\infty$", "—": "---",
    "–": "--", "“": "``", "”": "''", '"': "''", "…": r"\dots{}", "×": r"$\times$", "√": r"$\surd$",
    "²": "$^2$", "ℓ∞": r"$\ell_\infty$", "ℓ2": r"$\ell_2$", "--": "-{}-",
    "[": "{[}", "*": "{*}",  # after the end of a line these two would be read as its argument
}  # fmt: skip
LETTERS = "ßæÆøØœŒłŁ"
ACCENTS = set("\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0327")
MINUS = re.compile(r"(?<![\w-])-(?=\d)")  # a hyphen before a figure
TOKEN = re.compile("ℓ∞|ℓ2|--|.", re.DOTALL)
GREEK = re.compile(r"GREEK (SMALL|CAPITAL) LETTER (\w+)")
COMMANDS = {"epsilon": r"\varepsilon", "lamda": r"\lambda", "omicron": "o"}  # others have their Unicode name
CAPITALS = ("gamma", "delta", "theta", "lamda", "xi", "pi", "sigma", "upsilon", "phi", "psi", "omega")


def escaped(text: str) -> str:
    """The text with every character that means something to LaTeX, or that it does not know, replaced."""
    return TOKEN.sub(lambda token: _token(token[0]), MINUS.sub("−", " ".join(text.split())))


def note(text: str) -> str:
    """A sentence, with places where a path may be broken."""
    return escaped(text.rstrip(".")).replace("/", "/\\allowbreak{}") + "."


def _token(token: str) -> str:
    if token in ESCAPED:
        return ESCAPED[token]
    if token.isascii() or _is_latin(token):
        return token
    greek = GREEK.fullmatch(unicodedata.name(token, ""))
    return _greek(greek[1], greek[2].lower()) if greek else f"{{[}}U+{ord(token):04X}]"


def _is_latin(letter: str) -> bool:
    """Whether LaTeX has it in every font encoding: a Latin letter, perhaps with an accent."""
    base, *accents = unicodedata.normalize("NFD", letter)
    return letter in LETTERS or (base.isascii() and base.isalpha() and set(accents) <= ACCENTS)


def _greek(case: str, name: str) -> str:
    r"""E.g. $\varepsilon$; a capital that looks Latin has no command, so it is spelled out."""
    if case == "SMALL":
        return f"${COMMANDS.get(name, chr(92) + name)}$"
    name_in_latex = name.replace("lamda", "lambda").capitalize()
    return f"$\\{name_in_latex}$" if name in CAPITALS else name_in_latex
