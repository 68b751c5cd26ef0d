"""Timing by turns, memory of a child process, and the table of results."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parent.parent

_BYTECODE = TemporaryDirectory(prefix="convcalc-bytecode-")

#: For processes that run convcalc from this checkout, in any folder. As after an installation,
#: bytecode exists before the measured rounds, whatever the caller's settings are.
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
    "PYTHONPATH": str(REPOSITORY),
    "PYTHONPYCACHEPREFIX": _BYTECODE.name,
}


class Row(NamedTuple):
    """One measured figure and its goal (none: for information only)."""

    what: str
    measured: str
    goal: str = ""
    met: bool = True


def at_most(what: str, measured: float, limit: float, unit: str = "") -> Row:
    """A figure that should not exceed a limit."""
    return Row(what, f"{measured:.2f}{unit}", f"<= {limit:g}{unit}", measured <= limit)


def print_table(title: str, rows: Iterable[Row]) -> None:
    """Prints the figures in columns and marks missed goals."""
    cells = [("", "measured", "goal", "")]
    cells += [(r.what, r.measured, r.goal, "" if r.met else "missed") for r in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(4)]
    print(title)
    for what, measured, goal, verdict in cells:
        line = f"  {what:{widths[0]}}  {measured:>{widths[1]}}  {goal:>{widths[2]}}  {verdict}"
        print(line.rstrip())
    print(flush=True)


def by_turns(tasks: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median time of each task in seconds; the tasks take turns, after one unmeasured round.

    The garbage collector runs between the tasks, and as usual during them.
    """
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for turn in range(rounds + 1):
        for name, task in tasks.items():
            gc.collect()
            start = time.perf_counter()
            result = task()
            elapsed = time.perf_counter() - start
            del result  # freeing it is not part of the task
            if turn:
                times[name].append(elapsed)
    return {name: median(values) for name, values in times.items()}


def python_command(*arguments: str) -> list[str]:
    """A command that runs Python."""
    return [sys.executable, *arguments]


def convcalc_command(*arguments: str) -> list[str]:
    """A command that runs convcalc as an installed one does."""
    program = "from convcalc.cli.main import main; main()"
    return python_command("-c", program, *arguments)


def run(command: Sequence[str], folder: str) -> bytes:
    """Runs a command with its output in a pipe; returns the output."""
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE, check=True)
    return done.stdout


def peak_memory(command: Sequence[str]) -> float:
    """The most memory that a command held at once, in MB (10^6 bytes).

    A small intermediate process starts it, because a child inherits its parent's peak.
    """
    program = (
        "import resource, subprocess, sys;"
        "subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    kilobytes = int(run(python_command("-c", program, *command), "."))
    if sys.platform == "darwin":  # which reports bytes
        return kilobytes / 1e6
    return kilobytes * 1024 / 1e6
