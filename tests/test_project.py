"""The files around the code say what is so: versions, licence, citation, hooks."""

import re
import tomllib
from pathlib import Path

import yaml

import bregman_exp

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MAKEFILE = (ROOT / "Makefile").read_text()


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_dependency_has_its_exact_version() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert lines == sorted(lines, key=str.lower)
    pinned = {canonical(line.split("==")[0]) for line in lines}
    extras = PROJECT["project"]["optional-dependencies"]
    asked = [*PROJECT["project"]["dependencies"], *extras["dev"], *extras["scale"]]
    assert {canonical(re.split(r"[\[<>=]", name)[0]) for name in asked} <= pinned


def test_the_citation_names_this_version_and_the_paper() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == PROJECT["project"]["version"]
    assert citation["license"] == PROJECT["project"]["license"] == "MIT"
    (paper,) = citation["references"]
    assert (paper["title"], paper["year"]) == ("Bregman Neural Networks", 2022)
    assert [author["family-names"] for author in paper["authors"]] == ["Frecon", "Gasso", "Pontil", "Salzo"]


def test_the_hooks_are_programs_of_the_environment() -> None:
    repos = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repo["repo"] for repo in repos] == ["local"]
    programs = [hook["entry"].split()[0] for repo in repos for hook in repo["hooks"]]
    assert programs == [".venv/bin/ruff", ".venv/bin/ruff", ".venv/bin/pyright"]


def test_the_package_says_that_it_has_types() -> None:
    assert (Path(bregman_exp.__file__).parent / "py.typed").is_file()


def test_what_contributing_names_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    targets = re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE)
    code = "\n".join(re.findall(r"`[^`]+`|^    .*$", text, re.MULTILINE))
    named = re.findall(r"\bmake ([a-z-]+)", code)
    assert named
    assert set(named) <= set(targets)
    links = re.findall(r"\]\(([\w/.-]+)\)", text)
    for path in [*re.findall(r"`((?:src|conf|tests|docs)/[\w/.]+)`", text), *links]:
        assert (ROOT / path).exists(), path
