"""Real git repositories, made in a temporary folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from convcalc.checks.diff.revision import Revision
from convcalc.checks.diff.versions import Comparison, Settings, compare_with_revision
from convcalc.problems import ConvcalcError

GIT = shutil.which("git") or "git"
#: Nothing of the machine's own settings takes part.
ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "tests",
    "GIT_AUTHOR_EMAIL": "tests@localhost",
    "GIT_COMMITTER_NAME": "tests",
    "GIT_COMMITTER_EMAIL": "tests@localhost",
}


#: Specs: a small one, the same with a larger kernel, and one for others to extend.
SMALL = "input: [3, 16, 16]\nlayers:\n  - {conv: 4, kernel: 3, padding: 1}\n  - {dense: 10}\n"
LARGER = SMALL.replace("kernel: 3, padding: 1", "kernel: 5, padding: 2")
BASE = "input: [3, 8, 8]\nargs: {c: 4}\nlayers:\n  - {conv: c, kernel: 3}\n"
#: Long enough for git to see that a file was renamed though a line has changed.
LONG = SMALL.replace("layers:\n", "layers:\n" + "  - {conv: 4, kernel: 3, padding: 1}\n" * 9)


class Repository:
    """A repository with its working tree."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def git(self, *arguments: str) -> str:
        """What a git command prints."""
        done = subprocess.run(
            [GIT, *arguments],
            cwd=self.root,
            env={**os.environ, **ENVIRONMENT},
            capture_output=True,
            check=True,
        )
        return done.stdout.decode()

    def write(self, name: str, text: str) -> Path:
        """Writes a file, and the folders that it lies in."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def commit(self) -> str:
        """Commits everything as it is now; the commit's hash."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "change")
        return self.git("rev-parse", "HEAD").strip()


def make_repository(root: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """An empty repository, with its root as the current folder."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    root.mkdir(parents=True, exist_ok=True)
    repository = Repository(root)
    repository.git("init", "--quiet")
    monkeypatch.chdir(root)
    return repository


def since(name: str, *files: str, **arguments: object) -> list[Comparison]:
    with Revision(name) as revision:
        compared = compare_with_revision(revision, files, Settings(arguments, arguments))
    if compared.problems:
        raise ConvcalcError(compared.problems, compared.status)
    return compared.found


def statuses(found: list[Comparison]) -> list[tuple[str, str, str]]:
    return [(one.status, one.old_name, one.new_name) for one in found]


def refusal(name: str, *files: str) -> ConvcalcError:
    with pytest.raises(ConvcalcError) as caught:
        since(name, *files)
    return caught.value
