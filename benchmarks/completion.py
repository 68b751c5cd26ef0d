"""How long a shell waits for a completion, compared with `convcalc --version`.

python -m benchmarks.completion
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial

from benchmarks.measure import ENVIRONMENT, at_most, by_turns, convcalc_command, print_table, run

#: Command lines whose last word is completed.
LINES = (
    "sha",
    "shapes ",
    "shapes lenet --",
    "shapes lenet --format ",
    "shapes lenet --columns ",
    "shapes mobilenet_v2 --set ",
    "sweep mobilenet_v2 --over ",
    "explain lenet ",
    "explain resnet50 stage2.",
    "explain densenet201 ",
    "flops lenet --as ",
    "memory lenet --dtype ",
    "balance lenet --device ",
    "solve lenet --maximize ",
    "formula lenet ",
    "kinds ",
)
LIMIT = 3
ROUNDS = 20


def completed(line: str, folder: str) -> bytes:
    """What the program answers a shell."""
    command = convcalc_command(*line.split(" "))
    environment = {**ENVIRONMENT, "_CONVCALC_COMPLETE": "words"}
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, check=True)
    if not done.stdout:
        raise RuntimeError(f"nothing completes 'convcalc {line}'")
    return done.stdout


def main() -> None:
    """Prints the table."""
    with tempfile.TemporaryDirectory() as folder:
        tasks: dict[str, Callable[[], object]] = {
            "--version": partial(run, convcalc_command("--version"), folder)
        }
        tasks |= {line: partial(completed, line, folder) for line in LINES}
        times = by_turns(tasks, ROUNDS)
    version = times.pop("--version")
    rows = [at_most(f"convcalc {line}", time / version, LIMIT) for line, time in times.items()]
    print_table(
        f"Completion, in times of `convcalc --version` ({version * 1e3:.0f} ms,"
        f" {os.cpu_count()} processors)",
        rows,
    )


if __name__ == "__main__":
    main()
