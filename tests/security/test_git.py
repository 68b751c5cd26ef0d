"""`--base` reads a repository whose configuration may be hostile: none of its commands runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.checks.diff.repository import (
    LARGER,
    SMALL,
    Repository,
    make_repository,
    since,
    statuses,
)
from tests.cli.runner import run


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    return make_repository(tmp_path / "repository", monkeypatch)


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """A file that is there once a hostile command has run."""
    return tmp_path / "ran"


def trap(marker: Path) -> str:
    return f"touch {marker} && cat"


@pytest.mark.parametrize("key", ["clean", "smudge", "process"])
@pytest.mark.parametrize("name", ["trap", "a.b", "Tr Ap"])
def test_no_filter_runs(repository: Repository, marker: Path, key: str, name: str) -> None:
    repository.write("net.yaml", SMALL)
    repository.commit()
    attribute = name.replace(" ", "")
    (repository.root / ".git" / "info").mkdir(exist_ok=True)
    (repository.root / ".git" / "info" / "attributes").write_text(f"*.yaml filter={attribute}\n")
    for filter_name in {name, attribute}:
        repository.git("config", f"filter.{filter_name}.{key}", trap(marker))
        repository.git("config", f"filter.{filter_name}.required", "true")
    # git asks a filter only where the file's time or size has changed.
    repository.write("net.yaml", LARGER)
    os.utime(repository.root / "net.yaml", (1, 1))
    assert [status for status, *_ in statuses(since("HEAD"))] == ["changed"]
    assert run("diff", "--base", "HEAD").status == 0
    assert not marker.exists()


def test_a_filter_that_cannot_be_switched_off_is_refused(
    repository: Repository, marker: Path
) -> None:
    repository.write("net.yaml", SMALL)
    repository.commit()
    repository.write(".gitattributes", "*.yaml filter=a=b\n")
    with (repository.root / ".git" / "config").open("a") as config:
        config.write(f'[filter "a=b"]\n\tclean = {trap(marker)}\n')
    result = run("diff", "--base", "HEAD")
    assert result.status == 2
    assert "'filter.a=b.clean' cannot be switched off" in result.err
    assert not marker.exists()


@pytest.mark.parametrize(
    "key",
    [
        "core.fsmonitor",
        "core.pager",
        "core.editor",
        "core.sshCommand",
        "core.askPass",
        "diff.external",
        "diff.trap.command",
        "diff.trap.textconv",
        "credential.helper",
        "gpg.program",
    ],
)
def test_no_other_command_runs(repository: Repository, marker: Path, key: str) -> None:
    repository.write("net.yaml", SMALL)
    repository.commit()
    repository.write(".gitattributes", "*.yaml diff=trap\n")
    repository.git("config", key, trap(marker))
    repository.write("net.yaml", LARGER)
    assert run("diff", "--base", "HEAD").status == 0
    assert not marker.exists()


def test_no_hook_runs(repository: Repository, marker: Path) -> None:
    repository.write("net.yaml", SMALL)
    repository.commit()
    hooks = repository.root / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("post-index-change", "fsmonitor-watchman", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {marker}\n")
        (hooks / name).chmod(0o755)
    os.utime(repository.root / "net.yaml", (1, 1))
    assert run("diff", "--base", "HEAD").status == 0
    assert not marker.exists()


@pytest.mark.parametrize(
    "url", ["ext::sh -c 'touch {}'", "{}.d", "ssh://localhost/x", "file://{}.d"]
)
def test_nothing_is_fetched(repository: Repository, marker: Path, url: str) -> None:
    repository.write("net.yaml", SMALL)
    repository.commit()
    blob = repository.git("rev-parse", "HEAD:net.yaml").strip()
    (repository.root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    Path(f"{marker}.d").mkdir()
    for key, value in {
        "extensions.partialClone": "origin",
        "core.repositoryFormatVersion": "1",
        "remote.origin.url": url.format(marker),
        "remote.origin.promisor": "true",
        "remote.origin.uploadpack": f"touch {marker};",
        "core.sshCommand": f"touch {marker};",
        "protocol.allow": "always",
        "protocol.ext.allow": "always",
    }.items():
        repository.git("config", key, value)
    repository.write("net.yaml", LARGER)
    run("diff", "--base", "HEAD")
    assert not marker.exists()


@pytest.mark.parametrize("file", ["/dev/zero", "fifo", "/proc/self/environ", "nothing"])
@pytest.mark.parametrize("key", ["core.excludesFile", "core.attributesFile", "diff.orderFile"])
def test_no_file_without_an_end_is_read(repository: Repository, key: str, file: str) -> None:
    repository.write("net.yaml", SMALL)
    repository.commit()
    os.mkfifo(repository.root / "fifo")
    repository.write("net.yaml", LARGER)
    repository.write("other.yaml", SMALL)
    repository.git("config", key, file)
    assert [status for status, *_ in statuses(since("HEAD"))] == ["changed", "new"]


def test_a_file_of_ignored_files_is_used(repository: Repository) -> None:
    repository.write("net.yaml", SMALL)
    repository.write("ignored", "other.yaml\n")
    repository.commit()
    repository.write("net.yaml", LARGER)
    repository.write("other.yaml", SMALL)
    repository.git("config", "core.excludesFile", "ignored")
    assert [status for status, *_ in statuses(since("HEAD"))] == ["changed"]


@pytest.mark.parametrize("name", ["exclude", "attributes"])
def test_no_file_of_the_repository_is_without_an_end(repository: Repository, name: str) -> None:
    repository.write("net.yaml", SMALL)
    repository.commit()
    folder = repository.root / ".git" / "info"
    folder.mkdir(exist_ok=True)
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    result = run("diff", "--base", "HEAD")
    assert result.status == 2
    assert f"info/{name} is not a regular file of bounded size" in result.err


def test_nothing_is_written(repository: Repository) -> None:
    for name in ("net.yaml", "other.yaml"):
        repository.write(name, SMALL)
    repository.commit()
    repository.write("net.yaml", LARGER)
    os.utime(repository.root / "other.yaml", (1, 1))
    files = [path for path in repository.root.glob("**/*") if path.is_file()]
    before = [(path, path.read_bytes()) for path in files]
    assert [status for status, *_ in statuses(since("HEAD"))] == ["changed"]
    assert [(path, path.read_bytes()) for path in files] == before
