"""The cases: a bad file, and beside it the exact message that it deserves.

    python -m tests.diagnostics.update

writes every message anew, from what is printed now. Read the difference before you commit it: is
each message what the person who made this mistake needs?
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from tests.cli.runner import Result, run
from tests.diagnostics.made import MADE, make

FOLDER = Path(__file__).parent / "cases"


def case_names() -> list[str]:
    """Every case that is a file, by the stem of its name."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def refused(name: str) -> Result:
    """What the command line says of a case that is a file."""
    return _run_in(FOLDER, f"{name}.yaml")


def refused_made(name: str) -> Result:
    """What the command line says of a case that is made: a folder, bytes, a monster."""
    with tempfile.TemporaryDirectory() as folder:
        make(name, Path(folder))
        return _run_in(Path(folder), f"{name}.yaml")


def expected(name: str) -> str:
    """The message that a case deserves."""
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


def _run_in(folder: Path, file: str) -> Result:
    before = Path.cwd()
    os.chdir(folder)
    try:
        return run("shapes", file)
    finally:
        os.chdir(before)


def main() -> None:
    """Writes every expected message from what is printed now."""
    for name in case_names():
        (FOLDER / f"{name}.txt").write_text(refused(name).err, encoding="utf-8", newline="\n")
    for name in MADE:
        (FOLDER / f"{name}.txt").write_text(refused_made(name).err, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
