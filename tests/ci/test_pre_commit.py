"""The pre-commit hooks, in a git repository where somebody commits."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from convcalc import __version__
from tests.ci.networks import BROKEN, GOOD, HEAVY, write_project
from tests.ci.offline import REPOSITORY, copy_package, offline_environment

pytestmark = [
    pytest.mark.skipif(not shutil.which("git"), reason="git is not installed"),
    pytest.mark.skipif(
        importlib.util.find_spec("pre_commit") is None, reason="pre-commit is not installed"
    ),
]

CONFIGURATION = """\
repos:
  - repo: {hooks}
    rev: {revision}
    hooks:
      - id: convcalc-check
      - id: convcalc-lock
"""


class Repository:
    """A git repository, and the environment in which its owner works."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        self._environment = {
            **offline_environment(),
            "GIT_AUTHOR_NAME": "Somebody",
            "GIT_AUTHOR_EMAIL": "somebody@example.org",
            "GIT_COMMITTER_NAME": "Somebody",
            "GIT_COMMITTER_EMAIL": "somebody@example.org",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "NO_COLOR": "1",
            "PRE_COMMIT_HOME": str(home),
        }
        self.git("init", "--quiet")

    def git(self, *arguments: str) -> str:
        """Runs git, which has to succeed."""
        status, text = self.run("git", *arguments)
        assert status == 0, text
        return text.strip()

    def run(self, *command: str, **variables: str) -> tuple[int, str]:
        """Runs a command here: its exit status and what it printed."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**self._environment, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            check=False,
        )
        return done.returncode, done.stdout

    def commit(self) -> tuple[int, str]:
        """Commits everything, as a person does: whether it was let through, and what was said."""
        self.git("add", "--all")
        return self.run("git", "commit", "--quiet", "--message", "Change")

    def network(self, text: str) -> None:
        """Changes the one network."""
        (self.folder / "models" / "net.yaml").write_text(text, encoding="utf-8")

    def convcalc(self, *arguments: str) -> tuple[int, str]:
        """Runs convcalc here, at a desk, outside the hooks."""
        return self.run(sys.executable, "-m", "convcalc", *arguments, PYTHONPATH=str(REPOSITORY))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pre-commit keeps the hooks that it has installed."""
    return tmp_path_factory.mktemp("pre-commit")


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory, home: Path) -> tuple[Path, str]:
    """The repository that the hooks come from, and the tag at which they are used."""
    folder = tmp_path_factory.mktemp("hooks") / "convcalc"
    copy_package(folder)
    repository = Repository(folder, home)
    status, text = repository.commit()
    assert status == 0, text
    repository.git("tag", f"v{__version__}")
    return folder, f"v{__version__}"


@pytest.fixture(scope="module")
def committed(
    hooks: tuple[Path, str], home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A repository of networks with the hooks installed and a first commit."""
    folder = tmp_path_factory.mktemp("committed") / "networks"
    write_project(folder)
    configuration = CONFIGURATION.format(hooks=hooks[0], revision=hooks[1])
    (folder / ".pre-commit-config.yaml").write_text(configuration, encoding="utf-8")
    repository = Repository(folder, home)
    assert repository.convcalc("lock")[0] == 0
    status, text = repository.run(sys.executable, "-m", "pre_commit", "install")
    assert status == 0, text
    status, text = repository.commit()
    assert status == 0, text
    assert outcomes(text) == ["Passed", "Passed"]
    return folder


@pytest.fixture
def repository(committed: Path, home: Path, tmp_path: Path) -> Repository:
    """A copy of that repository, for one test."""
    return Repository(shutil.copytree(committed, tmp_path / "networks"), home)


def outcomes(text: str) -> list[str]:
    """What pre-commit says of each hook."""
    return [line.split(".")[-1] for line in text.splitlines() if line.startswith("convcalc ")]


def test_a_commit_that_breaks_a_shape_is_refused_until_it_is_mended(repository: Repository) -> None:
    repository.network(BROKEN)
    status, text = repository.commit()
    assert status == 1
    assert "models/net.yaml:3:" in text
    assert "window-too-large" in text
    repository.network(GOOD + "  - {relu}\n")
    assert repository.convcalc("lock")[0] == 0
    status, text = repository.commit()
    assert status == 0, text
    assert len(repository.git("log", "--oneline").splitlines()) == 2


def test_a_commit_over_the_budget_is_refused(repository: Repository) -> None:
    repository.network(HEAVY)
    assert repository.convcalc("lock")[0] == 0
    status, text = repository.commit()
    assert status == 1
    assert "110,592" in text


def test_a_commit_with_an_old_lock_is_refused(repository: Repository) -> None:
    repository.network(GOOD.replace("conv: 8", "conv: 7"))
    status, text = repository.commit()
    assert status == 1
    assert outcomes(text) == ["Passed", "Failed"]
    assert "convcalc lock" in text


def test_other_files_do_not_start_the_hooks(repository: Repository) -> None:
    (repository.folder / "notes.txt").write_text("hello\n", encoding="utf-8")
    status, text = repository.commit()
    assert status == 0, text
    assert text.count("Skipped") == 2


def test_arguments_name_other_networks(repository: Repository) -> None:
    configuration = repository.folder / ".pre-commit-config.yaml"
    text = configuration.read_text(encoding="utf-8")
    text = text.replace("id: convcalc-check", "id: convcalc-check\n        args: [other/]")
    configuration.write_text(text, encoding="utf-8")
    (repository.folder / "other").mkdir()
    (repository.folder / "other" / "bad.yaml").write_text(BROKEN, encoding="utf-8")
    status, text = repository.commit()
    assert status == 1
    assert "other/bad.yaml:3:" in text
