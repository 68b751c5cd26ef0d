"""Installing convcalc without a network: what it needs comes from the tests' own environment."""

from __future__ import annotations

import os
import shutil
import sysconfig
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
#: What pip and pre-commit need of the repository.
PACKAGE = (
    ".pre-commit-hooks.yaml",
    "LICENSE",
    "README.md",
    "action",
    "action.yml",
    "configs",
    "convcalc",
    "pyproject.toml",
)


def copy_package(folder: Path) -> None:
    """Copies what a user of the hook or of the action gets, as it is now, into a new folder."""
    folder.mkdir()
    for name in PACKAGE:
        source = REPOSITORY / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copy(source, folder / name)


def offline_environment() -> dict[str, str]:
    """The environment for a process that installs convcalc.

    A new virtual environment finds the build tools and the packages that convcalc needs in the
    tests' own one, so pip builds and installs convcalc itself and asks no index for anything.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        # A hook's or a runner's own variables would lead git and convcalc elsewhere.
        if not name.startswith(("GIT_", "GITHUB_", "PIP_", "PRE_COMMIT", "RUNNER_"))
    }
    return {
        **kept,
        "PYTHONPATH": sysconfig.get_paths()["purelib"],
        "PIP_IGNORE_INSTALLED": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip reads it the other way round: there is none
        "PIP_NO_DEPS": "1",
        "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
