"""Writes the files in `requirements/`: the versions that the tests run with.

    python scripts/lock_requirements.py

`locked.txt` lists the newest versions that `pyproject.toml` allows today. `oldest.txt` lists the
oldest versions that it allows of its direct requirements, with the newest allowed versions of
theirs. Each file is for every supported Python; environment markers select the version if they
differ. uv resolves the versions; it is installed into a temporary environment.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path
from tempfile import TemporaryDirectory

REPOSITORY = Path(__file__).resolve().parent.parent
FOLDER = REPOSITORY / "requirements"
#: The Pythons that the tests run with.
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
#: The Pythons for which all of the oldest versions have wheels.
OLD_PYTHONS = ("3.10", "3.11")
#: Upper bounds that the oldest versions need and do not declare.
_OLDEST_BOUNDS = (
    "click<8.4  # newer releases word hints differently, and warn about an import of typer < 0.25\n"
)
_HEADER = """\
# {what} versions that pyproject.toml allows.
# `python scripts/lock_requirements.py` writes this file; do not edit it.
# Pythons with wheels of all: {pythons}
"""


def main() -> None:
    """Resolves and writes both files, and checks that all versions have wheels."""
    with TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        programs = Path(folder) / ("Scripts" if sys.platform == "win32" else "bin")
        run([str(programs / "python"), "-m", "pip", "install", "--quiet", "uv"])
        bounds = Path(folder) / "bounds.txt"
        bounds.write_text(_OLDEST_BOUNDS, encoding="utf-8")
        uv = [str(programs / "uv"), "pip", "compile", "--quiet", "--no-python-downloads"]
        lock(uv, "locked.txt", "The newest", PYTHONS)
        lowest = ["--resolution", "lowest-direct", "--constraint", str(bounds)]
        lock([*uv, *lowest], "oldest.txt", "The oldest", OLD_PYTHONS)


def lock(uv: list[str], name: str, what: str, pythons: tuple[str, ...]) -> None:
    """Writes one file; fails if a Python would have to build one of its packages."""
    universal = ["--universal", "--python-version", pythons[0], "--extra", "test"]
    lines = run([*uv, *universal, "--no-annotate", "--no-header", "pyproject.toml"])
    path = FOLDER / name
    path.write_text(_HEADER.format(what=what, pythons=" ".join(pythons)) + lines, encoding="utf-8")
    for python in pythons:
        run([*uv, "--python-version", python, "--only-binary", ":all:", "--no-deps", str(path)])
    print(f"{path.relative_to(REPOSITORY)}: {len(lines.splitlines())} lines")


def run(command: list[str]) -> str:
    """Runs a command in the repository; returns what it printed."""
    done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, check=True)
    return done.stdout.decode()


if __name__ == "__main__":
    main()
