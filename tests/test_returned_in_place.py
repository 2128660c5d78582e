"""No autograd.Function returns a value that was changed in place: torch 2.11 compiles its gradient to 0."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "bregman_exp"


def forwards(tree: ast.AST) -> Iterator[tuple[str, ast.FunctionDef]]:
    """(class name, forward) of every autograd.Function, also of those defined inside a function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any("autograd.Function" in ast.unparse(b) for b in node.bases):
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and method.name == "forward":
                    yield node.name, method


def changed_in_place(node: ast.AST) -> str | None:
    """The source of what a call such as ``x.add_(…)`` or ``add_(x)`` changes; of a private ``_f_(x)`` too."""
    if not isinstance(node, ast.Call):
        return None
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
    if not name.endswith("_") or name.endswith("__"):
        return None
    method = isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) != "torch"
    return ast.unparse(node.func.value if method else node.args[0])  # type: ignore[attr-defined]


def faults(forward: ast.FunctionDef) -> list[str]:
    """Returned values that end in a call in place, or that such a call or ``+=`` has changed before."""
    nodes = list(ast.walk(forward))
    changed = {changed_in_place(node) for node in nodes}
    changed |= {ast.unparse(node.target) for node in nodes if isinstance(node, ast.AugAssign)}
    # v = w.add_(…) changes w, and v is w
    changed |= {
        ast.unparse(target)
        for node in nodes
        if isinstance(node, ast.Assign) and changed_in_place(node.value)
        for target in node.targets
    }
    returned = [node.value for node in nodes if isinstance(node, ast.Return) and node.value is not None]
    values = [part for v in returned for part in (v.elts if isinstance(v, ast.Tuple) else [v])]
    return [ast.unparse(v) for v in values if changed_in_place(v) or ast.unparse(v) in changed]


def test_no_forward_returns_what_it_changed_in_place() -> None:
    every = [
        (file.name, name, forward)
        for file in sorted(SOURCE.rglob("*.py"))
        for name, forward in forwards(ast.parse(file.read_text()))
    ]
    assert {"_Softplus", "_WithGradientOf", "_ContiguousGradient", "Act", "Split"} <= {
        name for _, name, _ in every
    }
    assert [(file, name, faults(forward)) for file, name, forward in every if faults(forward)] == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("return u.clamp(min=0).add_(v)", True),
        ("return torch.exp_(u), v", True),
        ("return v, _log1p_(u)", True),
        ("u = u.abs()\n    u.mul_(2)\n    return u", True),
        ("w = u.abs().exp_()\n    return w", True),
        ("w = u.abs()\n    w += 1\n    return w", True),
        ("w = u.abs().exp_()\n    return torch.add(u, w.log_())", False),
        ("return act(u), u.clamp(0, 1)", False),
    ],
)
def test_the_rule_itself(body: str, fault: bool) -> None:
    (forward,) = ast.parse(f"def forward(u, v):\n    {body}").body
    assert isinstance(forward, ast.FunctionDef)
    assert bool(faults(forward)) == fault
