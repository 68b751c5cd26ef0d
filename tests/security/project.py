"""A project in which a hostile file is read, with what it must not lead to beside it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from convcalc.language.shipped import shipped_folder
from tests.checks.diff.repository import ENVIRONMENT, GIT
from tests.security.hostile import SECRET, SMALL, documented

#: Environment variables that a command reads, which each case has anew.
_VARIABLES = ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "TOKEN", *ENVIRONMENT)


class Project:
    """A repository with networks and traps; knows whether something in it was changed."""

    def __init__(self, around: Path) -> None:
        self.root = around / "project"
        self._around = around
        self._before: dict[str, bytes | None] = {}
        _prepare(around, self.root)
        self._state = self._now()

    def write(self, files: Mapping[str, bytes]) -> None:
        """Writes files, also in the place of others."""
        for name, data in files.items():
            path = self.root / name
            self._before[name] = path.read_bytes() if path.exists() else None
            path.write_bytes(data)

    def restore(self, files: Mapping[str, bytes], writes: Iterable[str] = ()) -> list[str]:
        """Takes files away again; the names of those that a command changed.

        writes  names of files that it may make or change
        """
        changed = []
        for name, before in self._before.items():
            path = self.root / name
            now = path.read_bytes() if path.is_file() else b""
            if now != files[name] and name not in writes:
                changed.append(name)
            path.unlink(missing_ok=True)
            if before is not None:
                path.write_bytes(before)
                # The same time as before, so that git and the state see the same file.
                time = self._state[str(path)][1]
                os.utime(path, ns=(time, time))
        self._before.clear()
        for name in writes:
            if str(self.root / name) not in self._state:
                (self.root / name).unlink(missing_ok=True)
        now_all = self._now()
        changed += [
            os.path.relpath(path, self.root)
            for path in {**self._state, **now_all}
            if self._state.get(path) != now_all.get(path)
        ]
        self._state = now_all
        return changed

    def _now(self) -> dict[str, tuple[int, int]]:
        """Size and time of every file, also of those beside the project."""
        folders = (self._around, self.root, self.root / "models", self.root / ".git")
        found = {}
        for folder in folders:
            for entry in os.scandir(folder):
                if not entry.is_dir(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    found[entry.path] = status.st_size, status.st_mtime_ns
        return found


def _prepare(around: Path, root: Path) -> None:
    (around / "secret.txt").write_text(f"token {SECRET}\n", encoding="utf-8")
    (around / "secret.yaml").write_text(f"token: {SECRET}\n", encoding="utf-8")
    models = root / "models"
    models.mkdir(parents=True)
    (root / "secret.env").write_text(f"TOKEN={SECRET}\n", encoding="utf-8")
    (root / "base.yaml").write_text(SMALL[0], encoding="utf-8")
    for name, text in documented():
        if name not in ("convcalc.yaml", "net.yaml", "old.yaml"):
            (root / name).write_text(text, encoding="utf-8")
    for path in Path(shipped_folder()).glob("*.yaml"):  # shipped networks extend each other
        shutil.copy(path, root)
    for number, text in enumerate(SMALL):
        (root / f"small{number}.yaml").write_text(text, encoding="utf-8")
    (models / "good.yaml").write_text(SMALL[2], encoding="utf-8")
    (models / "wrong.yaml").write_text("input: [3, 8, 8]\nlayers: [rleu]\n", encoding="utf-8")
    traps = root / "traps"
    traps.mkdir()
    (traps / "notes.yaml").write_text(f"token: {SECRET}\n", encoding="utf-8")
    _git(root, "init", "--quiet")
    _git(root, "add", "--all")
    _git(root, "commit", "--quiet", "--message", "all")
    (root / "link.yaml").symlink_to(around / "secret.yaml")
    (traps / "link.yaml").symlink_to(around / "secret.yaml")
    os.mkfifo(root / "fifo")
    os.mkfifo(traps / "fifo.yaml")


def _git(root: Path, *arguments: str) -> None:
    environment = {**os.environ, **ENVIRONMENT}
    subprocess.run([GIT, *arguments], cwd=root, env=environment, check=True)


@contextmanager
def in_project() -> Iterator[Project]:
    """A project in a temporary folder, which is the current one."""
    before = Path.cwd()
    variables = {name: os.environ.get(name) for name in _VARIABLES}
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder))
        os.environ.update(ENVIRONMENT, TOKEN=SECRET)
        os.chdir(project.root)
        try:
            yield project
        finally:
            os.chdir(before)
            for name, value in variables.items():
                with suppress(KeyError):
                    del os.environ[name]
                if value is not None:
                    os.environ[name] = value
