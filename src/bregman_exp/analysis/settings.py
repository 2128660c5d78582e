"""What an attack was: the settings that must agree between two numbers."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

SETTINGS = (
    *("id", "eps", "steps", "restarts", "rel_step", "random_start", "loss", "early_stop", "through"),
    *("precision", "members", "source", "class", "parameters"),
)


def settings_of(entry: Mapping[str, Any]) -> str:
    """An attack with its settings, as JSON."""
    return json.dumps({name: entry.get(name) for name in SETTINGS})


def label(settings: str, others: Iterable[str]) -> str:
    """The attack's id, with those settings that tell it from others of that id."""
    own = json.loads(settings)
    namesakes = [other for other in map(json.loads, others) if other["id"] == own["id"]]
    apart = [f"{name} {value}" for name, value in own.items() if any(x[name] != value for x in namesakes)]
    return f"{own['id']} ({', '.join(apart)})" if apart else own["id"]
