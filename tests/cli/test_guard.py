"""Errors: the message, and the exit status."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.runner import run, spec


@pytest.mark.parametrize(
    "arguments",
    [
        ("shapes", "no_such_network"),
        ("shapes", "missing.yaml"),
        ("shapes", "."),
        ("shapes", "lenet", "--set", "width"),
        ("shapes", "lenet", "--set", "width=1"),
        ("shapes", "lenet", "--input", "1x"),
        ("shapes", "lenet", "--input", "1x0x3"),
        ("shapes", "lenet", "--input", "left=1x28x28"),
        ("shapes", "lenet", "--batch", "0"),
        ("shapes", "lenet", "--batch", "two"),
        ("shapes", "lenet", "--depth", "0"),
        ("shapes", "lenet", "--format", "jsn"),
        ("shapes", "lenet", "--sort", "size"),
        ("shapes", "lenet", "--by", "size"),
        ("shapes", "lenet", "--by", "kind", "--depth", "1"),
        ("shapes", "lenet", "--nonsense"),
        ("shapes",),
        ("shape", "lenet"),
        ("shapes", "vgg16", "--set", "classes=10+"),
        ("shapes", "vgg16", "--set", "classes=1", "--set", "classes=2"),
    ],
)
def test_wrong_usage_is_two_and_prints_nothing(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.status == 2
    assert result.out == ""
    assert result.err
    assert "Traceback" not in result.err


def test_a_wrong_spec_is_one(tmp_path: Path) -> None:
    path = spec(tmp_path, "input: [1, 4, 4]\nlayers:\n  - {conv: 120, kernel: 5}\n")
    result = run("shapes", path)
    assert result.status == 1
    assert result.out == ""
    assert result.err == (
        f"{path}:3:25: error[window-too-large]: conv0: kernel height 5 does not fit the padded"
        " input height 4\n"
        "  |\n"
        "3 |   - {conv: 120, kernel: 5}\n"
        "  |                         ^\n"
        "  = input: (1, 1, 4, 4), the network's input at line 1\n"
        "  = rule: floor((4 - 5 + 0 + 1) / 1) = 0, must be at least 1\n"
        "  = help: 'padding: 1' gives 2, 'kernel: 4' gives 1\n"
        "  = help: the network fits with height and width from 5 on\n"
    )


def test_a_mistake_of_our_own_is_three(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("boom")

    monkeypatch.setattr("convcalc.analysis.analysis.analyze", broken)
    result = run("shapes", "lenet")
    assert result.status == 3
    assert "ZeroDivisionError: boom" in result.err
    assert "Please report it" in result.err


def test_a_mistake_of_our_own_can_be_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("boom")

    monkeypatch.setattr("convcalc.analysis.analysis.analyze", broken)
    monkeypatch.setenv("CONVCALC_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        run("shapes", "lenet")


def test_an_interruption_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("convcalc.analysis.analysis.analyze", interrupted)
    result = run("shapes", "lenet")
    assert result.status == 130
    assert result.err == "\ninterrupted\n"


def test_a_closed_pipe_is_a_quiet_end() -> None:
    command = f"{sys.executable} -m convcalc shapes resnet152 --format json | head -c 10"
    result = subprocess.run(
        ["/bin/bash", "-o", "pipefail", "-c", command], capture_output=True, check=False
    )
    assert result.returncode == 0
    assert result.stderr == b""
