"""Limits by the thousand on one network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from convcalc.checks.project import limits
from convcalc.checks.project.check import Settings, check_network
from convcalc.checks.project.findings import CheckedNetwork
from convcalc.checks.project.specs import Specs
from convcalc.checks.project.targets import Target

if TYPE_CHECKING:
    import pytest


def checked(folder: Path, patterns: str) -> CheckedNetwork:
    path = folder / "net.yaml"
    text = f"input: [4]\nlayers: [{{relu: , repeat: 50}}]\nbudget: {{layers: {{{patterns}}}}}\n"
    path.write_text(text, encoding="utf-8")
    return check_network(Target(str(path)), Settings(), Specs())


def test_comparisons_with_patterns_are_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MOST_COMPARED", 100)
    assert not checked(tmp_path, "'re*': {macs: 3}, '*lu1': {macs: 3}").problems
    (problem,) = checked(tmp_path, "'r*': {macs: 3}, 's*': {macs: 3}, 't*': {macs: 3}").problems
    assert problem.code == "too-many-patterns"
    assert problem.span is not None
    exact = ", ".join(f"relu{number}: {{compares: 4}}" for number in range(50))
    assert not checked(tmp_path, exact).problems


def test_of_layers_that_are_not_there_so_many_are_reported(tmp_path: Path) -> None:
    missing = ", ".join(f"gelu{number}: {{macs: 3}}" for number in range(300))
    assert [one.code for one in checked(tmp_path, missing).problems] == ["no-such-layer"] * 100


def test_of_broken_expectations_so_many_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    wrong = ", ".join(f"gelu{number}: [4]" for number in range(300))
    text = f"input: [4]\nlayers: [relu]\nexpect: {{layers: {{{wrong}}}}}\n"
    path.write_text(text, encoding="utf-8")
    found = check_network(Target(str(path)), Settings(), Specs()).problems
    assert [one.code for one in found] == ["expectation"] * 100
