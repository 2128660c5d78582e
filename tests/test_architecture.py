"""The order of the house: a folder imports only what stands under it."""

import ast
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "bregman_exp"
# part -> the parts it may import; the wings do not know each other
MAY_IMPORT = {
    "__init__": {"analysis", "api", "build", "robustness", "zoo"},
    "__main__": {"cli"},
    "api": {"compiling", "models", "geometry"},
    "cli": {
        "analysis",
        "build",
        "config",
        "data",
        "geometry",
        "memory",
        "models",
        "plugins",
        "processes",
        "robustness",
        "runs",
        "terminal",
        "training",
        "zoo",
    },
    "zoo": {"analysis", "build", "config", "keyed_random", "robustness", "runs", "terminal"},
    "analysis": {"build", "config", "data", "geometry", "memory", "models", "runs", "terminal", "wilson"},
    "build": {
        "compiling",
        "config",
        "data",
        "geometry",
        "keyed_random",
        "memory",
        "models",
        "plugins",
        "robustness",
        "runs",
        "training",
    },
    "plugins": {"config", "data", "geometry", "robustness"},
    "config": {"training"},
    "training": {"processes", "whole_file"},
    "runs": {"terminal", "whole_file", "wilson"},
    "robustness": {"geometry", "keyed_random", "wilson"},
    "data": {"keyed_random", "memory", "whole_file"},
    "models": {"geometry"},
    "geometry": set(),
    "keyed_random": set(),
    "compiling": set(),
    "memory": set(),
    "processes": set(),
    "terminal": set(),
    "whole_file": set(),
    "wilson": set(),
}
FILES = sorted(SOURCE.rglob("*.py"))


def part_of(file: Path) -> str:
    return file.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports_of(file: Path) -> list[tuple[str, str]]:
    """(module, name) of everything the file imports; the name is "" for a plain import."""
    found = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} has a relative import"
            found += [(node.module or "", alias.name) for alias in node.names]
    return found


def parts_imported(file: Path) -> set[str]:
    inside = [(m.split(".")[1:], name) for m, name in imports_of(file) if m.split(".")[0] == "bregman_exp"]
    return {path[0] if path else name for path, name in inside} - {part_of(file)}


def test_every_part_has_its_place() -> None:
    assert {part_of(file) for file in FILES} == set(MAY_IMPORT)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_imports_go_one_way(file: Path) -> None:
    assert parts_imported(file) <= MAY_IMPORT[part_of(file)]


def drawn_arrows() -> set[tuple[str, str]]:
    """(from, to) of every arrow of the diagram at the top of docs/architecture.md."""
    diagram = (SOURCE.parents[1] / "docs" / "architecture.md").read_text().split("```")[1]
    lines = [re.sub(r"\[.*?\]", "", line).strip() for line in diagram.splitlines()]
    arrows = [re.split(r" --(?:[^>]* --)?> ", line) for line in lines if "-->" in line]
    return {(a, b) for left, right in arrows for a in left.split(" & ") for b in right.split(" & ")}


def test_the_diagram_draws_the_order() -> None:
    ground = {"keyed_random", "memory", "processes", "terminal", "whole_file", "wilson", "compiling"}
    arrows = drawn_arrows()
    named = {part for arrow in arrows for part in arrow} - {"ground", "doors"}
    assert named == set(MAY_IMPORT) - ground - {"__init__", "__main__"}
    for start, end in arrows - {("doors", "cli")}:
        assert MAY_IMPORT[start] & (ground if end == "ground" else {end}), (start, end)


def test_robustness_takes_from_geometry_projections_alone() -> None:
    taken = {
        name
        for file in (SOURCE / "robustness").rglob("*.py")
        for module, name in imports_of(file)
        if module.startswith("bregman_exp.geometry")
    }
    assert taken == {"project_l2", "project_linf"}


def test_only_the_hall_knows_hydra_and_instantiates_once() -> None:
    hydra = {part_of(file) for file in FILES for module, _ in imports_of(file) if module.startswith("hydra")}
    assert hydra == {"build", "cli", "plugins"}
    assert sum(file.read_text().count("instantiate({") for file in FILES) == 1


def test_runs_and_geometry_stay_light() -> None:
    for folder, banned in (("runs", {"torch", "pytorch_lightning"}), ("geometry", {"numpy", "omegaconf"})):
        for file in (SOURCE / folder).rglob("*.py"):
            assert not {module.split(".")[0] for module, _ in imports_of(file)} & banned


def test_only_figures_of_networks_know_networks() -> None:
    """The frame, the table and the page are made of run folders alone; only misfits asks for configs."""
    for file in (SOURCE / "analysis").rglob("*.py"):
        if file.parent.name != "figures" and file.name != "misfits.py":
            assert parts_imported(file) <= {"memory", "runs", "terminal", "wilson"}, file


def test_checkpoints_are_never_unpickled() -> None:
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("torch.load", "pickle.load"):
                assert "weights_only=True" in ast.unparse(node)
