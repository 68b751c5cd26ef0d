"""The cases: a bad file, and beside it the exact message that it deserves.

    python -m tests.diagnostics.update

writes every message anew, from what is printed now. Read the difference before you commit it: is
each message what the person who made this mistake needs?
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from tests.cli.runner import Result, run
from tests.diagnostics.made import MADE, make

FOLDER = Path(__file__).parent / "cases"
#: Cases of a bad convcalc.yaml, each under a name of its own.
CONFIGS = Path(__file__).parent / "config"
#: The networks that those speak of.
NETWORKS = {
    "plain": "input: [3, 8, 8]\nlayers: [{conv: 4, kernel: 3}, {dense: 10}]\n",
    "tiny": "args: {width: 1, classes: 10}\ninput: [3, 8, 8]\nlayers:\n"
    "  - {conv: 4*width, kernel: 3}\n  - {dense: classes}\n",
}


def case_names() -> list[str]:
    """Every case that is a file, by the stem of its name."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def refused(name: str) -> Result:
    """What the command line says of a case that is a file."""
    return _run_in(FOLDER, "shapes", f"{name}.yaml")


def refused_made(name: str) -> Result:
    """What the command line says of a case that is made: a folder, bytes, a monster."""
    with tempfile.TemporaryDirectory() as folder:
        make(name, Path(folder))
        return _run_in(Path(folder), "shapes", f"{name}.yaml")


def config_names() -> list[str]:
    """Every case of a bad convcalc.yaml."""
    return sorted(path.stem for path in CONFIGS.glob("*.yaml"))


def refused_config(name: str) -> Result:
    """What `check` says where the case is the convcalc.yaml of a project."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "nets").mkdir()
        (place / "empty").mkdir()
        for network, text in NETWORKS.items():
            (place / "nets" / f"{network}.yaml").write_text(text, encoding="utf-8")
        shutil.copy(CONFIGS / f"{name}.yaml", place / "convcalc.yaml")
        return _run_in(place, "check")


def expected_of_config(name: str) -> str:
    """The message that a bad convcalc.yaml deserves."""
    return (CONFIGS / f"{name}.txt").read_text(encoding="utf-8")


def expected(name: str) -> str:
    """The message that a case deserves."""
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


def _run_in(folder: Path, *arguments: str) -> Result:
    before = Path.cwd()
    os.chdir(folder)
    try:
        return run(*arguments)
    finally:
        os.chdir(before)


def main() -> None:
    """Writes every expected message from what is printed now."""
    for name in case_names():
        (FOLDER / f"{name}.txt").write_text(refused(name).err, encoding="utf-8", newline="\n")
    for name in MADE:
        (FOLDER / f"{name}.txt").write_text(refused_made(name).err, encoding="utf-8", newline="\n")
    for name in config_names():
        path = CONFIGS / f"{name}.txt"
        path.write_text(refused_config(name).err, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
