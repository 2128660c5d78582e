"""What may have become of a file: lines, numbers, types, brackets, bytes."""

import json
import random
import re
from collections.abc import Iterator
from typing import Any

import yaml

NUMBER = re.compile(rb"-?\d+(\.\d+)?([eE][-+]?\d+)?")
STRANGE = (
    *(b"null", b"true", b'"x"', b"[]", b"{}", b"-1", b"0", b"1e999", b"9" * 400, b"NaN", b"0.5", b"3", b"~"),
    *(b"[" * 3000 + b"]" * 3000, b'{"a": ' * 3000 + b"1" + b"}" * 3000, b"[" * 100_000, b"'", b'"', b"---"),
    *(b"!!python/object/apply:os.system [ls]", b"!!binary aGk=", b"&a [*a]", b"*a", b"<<: *a", b"|\n  x"),
    *(b"? [1]\n: 2", b"%YAML 9.9\n", b"${oc.env:HOME}", b"\xff\xfe", b"\x00", b"\\u0000", b"\x1b[2J"),
)


def mutated(data: bytes, draw: random.Random) -> bytes:
    """The data after one mutation, or a few."""
    for _ in range(draw.choice((1, 1, 2, 4))):
        data = draw.choice(MUTATIONS)(data, draw)
    return data


def mutated_content(data: bytes, draw: random.Random, ending: str) -> bytes:
    """Of JSON or YAML, and such still: a value changed, left out, or in the place of another."""
    content = json.loads(data) if ending == ".json" else yaml.safe_load(data)
    places = list(_places(content))
    inside, key = draw.choice(places)
    other, name = draw.choice(places)
    how = draw.randrange(4)
    if how == 0:
        del inside[key]
    elif how == 1:
        inside[key], other[name] = other[name], inside[key]
    else:
        inside[key] = _other(inside[key], draw)
    content = json.loads(json.dumps(content))  # a value that is twice there is no alias
    return json.dumps(content, indent=2).encode() if ending == ".json" else yaml.safe_dump(content).encode()


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(content, dict | list):
        for key, value in list(content.items() if isinstance(content, dict) else enumerate(content)):
            yield content, key
            yield from _places(value)


def _other(value: Any, draw: random.Random) -> Any:
    if isinstance(value, bool | str) or value is None or draw.randrange(3) == 0:
        return draw.choice(
            (None, True, "x", "", [], {}, -1, 0, 1, 0.5, 10**30, 1e308, [[]], {"a": [None]}, "λ")
        )
    if isinstance(value, int | float):
        return draw.choice((value + 1, -value, value * 2, value / 2, float(value), str(value), [value]))
    return draw.choice((None, [value], {"a": value}, str(value), list(value)[:1]))


def _lines(data: bytes, draw: random.Random) -> bytes:
    lines = data.splitlines(keepends=True) or [b""]
    a, b = draw.randrange(len(lines)), draw.randrange(len(lines))
    how = draw.randrange(4)
    if how == 0:
        del lines[a]
    elif how == 1:
        lines.insert(b, lines[a])
    elif how == 2:
        lines[a], lines[b] = lines[b], lines[a]
    else:
        del lines[min(a, b) : max(a, b)]
    return b"".join(lines)


def _number(data: bytes, draw: random.Random) -> bytes:
    places = list(NUMBER.finditer(data))
    if not places:
        return data
    place = draw.choice(places)
    old = place[0]
    new = (old + b"0", b"-" + old, old[:-1] or b"7", b"%d" % draw.randrange(100), b'"' + old + b'"')
    return data[: place.start()] + draw.choice((*STRANGE, *new)) + data[place.end() :]


def _value(data: bytes, draw: random.Random) -> bytes:
    """Of one line "key: value"."""
    lines = data.splitlines(keepends=True) or [b""]
    which = draw.randrange(len(lines))
    key, colon, _ = lines[which].partition(b": ")
    lines[which] = key + colon + draw.choice(STRANGE) + draw.choice((b"\n", b",\n"))
    return b"".join(lines)


def _cut(data: bytes, draw: random.Random) -> bytes:
    return data[: draw.randrange(len(data) + 1)]


def _inserted(data: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(data) + 1)
    return data[:place] + draw.choice((draw.randbytes(1), draw.randbytes(20), *STRANGE)) + data[place:]


def _overwritten(data: bytes, draw: random.Random) -> bytes:
    place, length = draw.randrange(len(data) + 1), draw.choice((1, 2, 4, 16))
    return data[:place] + draw.randbytes(length) + data[place + length :]


MUTATIONS = (_lines, _number, _number, _value, _value, _cut, _inserted, _overwritten)
