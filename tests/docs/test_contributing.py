"""The walk through the code names files and functions that exist."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from tests.docs.transcripts import REPOSITORY

PACKAGE = REPOSITORY / "convcalc"
TEXT = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
#: `graph.py:GraphBuilder.add`
FUNCTIONS = sorted(set(re.findall(r"`([\w/]+\.py):([\w.]+)`", TEXT)))
MODULES = sorted(set(re.findall(r"`((?:\w+/)*\w+\.py)`", TEXT)))


def test_names_some() -> None:
    assert len(FUNCTIONS) > 20


@pytest.mark.parametrize(("path", "name"), FUNCTIONS, ids=":".join)
def test_a_function_exists(path: str, name: str) -> None:
    found = import_module("convcalc." + path.removesuffix(".py").replace("/", "."))
    for part in name.split("."):
        found = getattr(found, part)


@pytest.mark.parametrize("path", MODULES)
def test_a_module_exists(path: str) -> None:
    places: list[Path] = [PACKAGE / path, REPOSITORY / path]
    assert any(place.is_file() for place in places), path


def test_every_module_on_the_ground_is_named() -> None:
    ground = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py", "__main__.py"}
    (row,) = re.findall(r"^\| ground \| (.*?) \|", TEXT, re.MULTILINE)
    assert set(re.findall(r"`(\w+\.py)`", row)) == ground - {"graph.py", "torch.py"}
