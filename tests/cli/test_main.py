"""The program itself: its help and its version."""

from __future__ import annotations

import subprocess
import sys

import pytest

from convcalc.cli.main import COMMANDS
from tests.cli.runner import run


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_come_first(command: str) -> None:
    out = run(command, "--help").out
    assert "Examples:" in out
    assert out.index("Examples:") < out.index("Options:")


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_fit_a_terminal(command: str) -> None:
    lines = run(command, "--help").out.splitlines()
    examples = [line for line in lines if line.startswith(f"    convcalc {command}")]
    assert examples
    assert max(map(len, examples)) <= 80


def test_the_version() -> None:
    from convcalc import __version__

    assert run("--version").out == f"convcalc {__version__}\n"


def test_all_commands_are_listed() -> None:
    out = run("--help").out
    assert all(f"  {name} " in out for name in COMMANDS)


@pytest.mark.parametrize("arguments", [["--version"], ["shapes", "lenet"], ["shapes", "none"]])
def test_nothing_is_collected_at_the_end(arguments: list[str]) -> None:
    """However a command ends, the collection at exit has nothing to go through."""
    program = (
        "import atexit, gc\n"
        "from convcalc.cli.main import main\n"
        "atexit.register(lambda: print('left:', len(gc.get_objects()) < 1000))\n"
        "main()"
    )
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.endswith("left: True\n")
