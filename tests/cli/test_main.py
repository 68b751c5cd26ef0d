"""The program itself: its help and its version."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from inspect import cleandoc

import pytest
from typer import Context
from typer.main import get_command

from convcalc.cli.main import COMMANDS, application, command_named
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


def _summaries() -> Iterator[tuple[str, str]]:
    """Every command and parameter of the whole program, and the first sentence of its help."""
    program = get_command(application([]))
    context = Context(program)
    for param in program.get_params(context):
        yield f"convcalc {param.opts[0]}", getattr(param, "help", None) or ""
    for name, command in getattr(program, "commands").items():  # noqa: B009 - of two classes
        yield name, command.short_help or ""
        for param in command.get_params(Context(command)):
            yield f"{name} {param.opts[0]}", getattr(param, "help", None) or ""


def test_summaries_are_short_sentences() -> None:
    """A first sentence says what a command or an option does, in at most 60 characters."""
    summaries = {name: re.split(r"(?<=\.) (?=[A-Z'+])", text)[0] for name, text in _summaries()}
    sentence = re.compile(r"(?!(?:An?|The|Every|What|Which|How) )[A-Z].{,57}[^.]\.")
    wrong = {name: text for name, text in summaries.items() if not sentence.fullmatch(text)}
    assert wrong == {}


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_help_cuts_no_summary(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    out = " ".join(run("--help").out.split())
    for command in COMMANDS:
        summary = cleandoc(command_named(command).__doc__ or "").partition("\n")[0]
        assert f"{command} {summary}" in out


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
