"""How long a command takes as a whole process, in a pipe.

    python -m benchmarks.startup
    python -m benchmarks.startup --versions

Importing the two libraries that the command needs is the lower bound. With `--versions` the
benchmark uses the oldest and the newest releases that `pyproject.toml` allows, each in a temporary
environment, by turns in one run. This needs a Python for which the oldest have wheels, see
`requirements/oldest.txt`.
"""

from __future__ import annotations

import sys
import tempfile
import venv
from argparse import ArgumentParser
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.measure import (
    REPOSITORY,
    Row,
    at_most,
    by_turns,
    convcalc_command,
    print_table,
    python_command,
    run,
)

COMMAND = ("shapes", "vgg16")
IMPORTS = "import typer, yaml"
#: Not needed to print a table into a pipe.
UNNEEDED = ("numpy", "pydantic", "rich")
ROUNDS = 40


def main() -> None:
    """Prints a table for each environment."""
    parser = ArgumentParser(prog="python -m benchmarks.startup")
    parser.add_argument("--versions", action="store_true", help="the oldest and newest versions")
    pythons = {"installed versions": sys.executable}
    with tempfile.TemporaryDirectory() as folder:
        if parser.parse_args().versions:
            oldest = ("--constraint", str(REPOSITORY / "requirements" / "oldest.txt"))
            pythons = {
                "oldest versions": python_with_convcalc(Path(folder) / "oldest", *oldest),
                "newest versions": python_with_convcalc(Path(folder) / "newest"),
            }
        tasks: dict[str, Callable[[], object]] = {}
        for name, python in pythons.items():
            imports = python_command("-c", IMPORTS)
            tasks[f"imports, {name}"] = partial(run, by(python, imports), folder)
            tasks[f"command, {name}"] = partial(run, by(python, convcalc_command(*COMMAND)), folder)
        times = by_turns(tasks, ROUNDS)
        for name, python in pythons.items():
            imports_time, time = times[f"imports, {name}"], times[f"command, {name}"]
            loaded = imported(python, folder)
            print_table(
                f"Start-up: a whole process in a pipe, {name} ({versions(python, folder)})",
                [
                    Row(f"python -c '{IMPORTS}'", f"{imports_time * 1e3:.0f} ms"),
                    Row(f"convcalc {' '.join(COMMAND)}", f"{time * 1e3:.0f} ms"),
                    at_most("ratio", time / imports_time, 1.4),
                    Row("imports of " + ", ".join(UNNEEDED), loaded or "none", "none", not loaded),
                ],
            )


def python_with_convcalc(folder: Path, *options: str) -> str:
    """The Python of a new environment in which pip has installed convcalc and its requirements."""
    venv.create(folder, with_pip=True)
    python = str(folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python"))
    run([python, "-m", "pip", "install", "--quiet", *options, str(REPOSITORY)], str(folder))
    return python


def by(python: str, command: list[str]) -> list[str]:
    """The command, run by another Python."""
    return [python, *command[1:]]


def versions(python: str, folder: str) -> str:
    """The releases of the libraries that the command needs."""
    program = f"{IMPORTS}; print('typer', typer.__version__ + ', PyYAML', yaml.__version__)"
    return run(by(python, python_command("-c", program)), folder).decode().strip()


def imported(python: str, folder: str) -> str:
    """The modules of `UNNEEDED` that the command loads."""
    program = (
        "import sys\n"
        "from convcalc.cli.main import main\n"
        "try:\n"
        "    main()\n"
        "except SystemExit:\n"
        "    pass\n"
        f"print(*[name for name in {UNNEEDED} if name in sys.modules])\n"
    )
    command = by(python, python_command("-c", program, *COMMAND))
    return run(command, folder).decode().splitlines()[-1]


if __name__ == "__main__":
    main()
