"""How long a command takes as a whole process, in a pipe.

The floor that nobody can go below is importing the two libraries that the command needs.
"""

from __future__ import annotations

import tempfile
from functools import partial

from benchmarks.measure import (
    Row,
    at_most,
    by_turns,
    convcalc_command,
    print_table,
    python_command,
    run,
)

COMMAND = ("shapes", "vgg16")
#: Not needed to print a table into a pipe.
UNNEEDED = ("numpy", "rich")
ROUNDS = 40


def main() -> None:
    """Prints the table."""
    with tempfile.TemporaryDirectory() as folder:
        times = by_turns(
            {
                "imports": partial(run, python_command("-c", "import typer, yaml"), folder),
                "command": partial(run, convcalc_command(*COMMAND), folder),
            },
            ROUNDS,
        )
        loaded = imported(folder)
    print_table(
        "Start-up: a whole process in a pipe",
        [
            Row("python -c 'import typer, yaml'", f"{times['imports'] * 1e3:.0f} ms"),
            Row(f"convcalc {' '.join(COMMAND)}", f"{times['command'] * 1e3:.0f} ms"),
            at_most("ratio", times["command"] / times["imports"], 1.4),
            Row("imports of " + ", ".join(UNNEEDED), loaded or "none", "none", not loaded),
        ],
    )


def imported(folder: str) -> str:
    """Which of the modules that are not needed the command loads all the same."""
    program = (
        "import sys\n"
        "from convcalc.cli.main import main\n"
        "try:\n"
        "    main()\n"
        "except SystemExit:\n"
        "    pass\n"
        f"print(*[name for name in {UNNEEDED} if name in sys.modules])\n"
    )
    return run(python_command("-c", program, *COMMAND), folder).decode().splitlines()[-1]


if __name__ == "__main__":
    main()
