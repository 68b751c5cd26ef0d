"""What is read once, what a link makes of a file, and whose text is shown."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from tests.checks.diff.repository import SMALL, Repository, make_repository
from tests.cli.runner import run

GOOD = "input: [3]\nlayers: [{dense: 2}]\n"
SECRET = "s3cr3t-t0ken"  # noqa: S105 - nobody's


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    (folder / "base.yaml").write_text(GOOD, encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


@contextmanager
def descriptor(text: str) -> Iterator[str]:
    """What a shell makes of `<(...)`."""
    reading, writing = os.pipe()
    os.write(writing, text.encode())
    os.close(writing)
    yield f"/dev/fd/{reading}"
    os.close(reading)


class TestStreams:
    def test_a_spec_from_a_descriptor_extends_as_one_from_standard_input(
        self, project: Path
    ) -> None:
        with descriptor("extends: base.yaml\n") as path:
            assert run("shapes", path).status == 0
        with descriptor("extends: ../outside.yaml\n") as path:
            assert "error[outside-root]" in run("shapes", path).err

    def test_is_read_once(self, project: Path) -> None:
        assert run("lock", "base.yaml").status == 0
        # With the lock, a broken expectation is looked at again.
        with descriptor(f"{GOOD}expect: {{params: 3}}\n") as path:
            result = run("check", path)
        assert "error[expectation]" in result.err + result.out
        with descriptor(f"{GOOD}args: {{n: 1}}\n") as path:
            result = run("check", path, "--set", "m=2")
        assert "--set m: the file has no such argument" in result.err
        with descriptor("extends: lenet\ninput: [1, 2, 2]\n") as path:
            result = run("check", path)
        assert "error[window-too-large]" in result.err

    def test_two_are_compared(self, project: Path) -> None:
        with descriptor(GOOD) as old, descriptor(GOOD.replace("2", "4")) as new:
            assert run("diff", old, new, "--exit-code").status == 1

    def test_has_no_name_to_lock(self, project: Path) -> None:
        with descriptor(GOOD) as path:
            result = run("lock", path)
        assert result.status == 2
        assert "has no name to lock it under" in result.err
        assert not Path("convcalc.lock").exists()

    def test_a_named_pipe_is_read_to_its_end_if_somebody_writes(self, project: Path) -> None:
        os.mkfifo("pipe.yaml")
        # A reader must be there for a writer to open the pipe at once.
        reading = os.open("pipe.yaml", os.O_RDONLY | os.O_NONBLOCK)
        writing = os.open("pipe.yaml", os.O_WRONLY)

        def write() -> None:
            os.write(writing, GOOD.encode())
            os.close(writing)

        writer = Thread(target=write)
        writer.start()
        result = run("shapes", "pipe.yaml", "--format", "json")
        writer.join()
        os.close(reading)
        assert json.loads(result.out)["totals"]["params"] == 8

    def test_a_pipe_that_is_found_is_not_read(self, project: Path) -> None:
        os.mkfifo("pipe.yaml")
        Path("net.yaml").write_text("extends: pipe.yaml\n", encoding="utf-8")
        for arguments in (["shapes", "net.yaml"], ["check", "."]):
            result = run(*arguments)
            assert result.status == 2
            assert "not a regular file" in result.err
        assert "nobody writes to" in run("shapes", "pipe.yaml").err


class TestTexts:
    @pytest.mark.parametrize("text", [f"TOKEN={SECRET}\n", f"a: [\n{SECRET}", f"k: {SECRET}\n"])
    @pytest.mark.parametrize("name", ["convcalc.yaml", "convcalc.lock"])
    def test_a_link_shows_no_other_file(self, project: Path, name: str, text: str) -> None:
        Path(".env").write_text(text, encoding="utf-8")
        Path(name).symlink_to(".env")
        arguments = ["check"] if name == "convcalc.yaml" else ["lock", "--check", "base.yaml"]
        result = run(*arguments)
        assert result.status == 2
        assert f"{name}:1:" in result.err
        assert SECRET not in result.err + result.out
        assert "TOKEN" not in result.err + result.out
        # The file itself is the project's own.
        Path(name).unlink()
        Path(".env").rename(name)
        assert text.split(maxsplit=1)[0][:5] in run(*arguments).err

    @pytest.mark.parametrize(
        "text",
        [
            # The language's keys stand elsewhere, or are everybody's.
            f'{{"token": "{SECRET}", "x": {{"input": 1}}}}',
            f'{{\n\t"token": "{SECRET}",\n\t"x": {{"input": 1}}\n}}',
            f'{{"x": {{"input": 1}}, "token": "{SECRET}", ]',
            "{" + "".join(f"{SECRET}{n}: 1, " for n in range(200)) + "x: {input: 1}}",
            f"name: app\npassword: {SECRET}\n",
            f"password: {SECRET}\nparams: {{a: 1}}\n",
        ],
    )
    def test_keys_of_a_spec_stand_at_the_top(self, project: Path, text: str) -> None:
        Path("other.yaml").write_text(text, encoding="utf-8")
        Path("net.yaml").write_text("extends: other.yaml\n", encoding="utf-8")
        for arguments in (["shapes", "net.yaml"], ["check", "."], ["check", "*.yaml"]):
            result = run(*arguments)
            assert "error[not-a-spec]" in result.err + result.out
            assert SECRET not in result.err + result.out

    @pytest.mark.parametrize("text", ["{layers: [rel], input: [4", "input: [4]\rlayers: [rel]\r"])
    def test_a_broken_spec_that_is_found_is_shown(self, project: Path, text: str) -> None:
        Path("net.yaml").write_bytes(text.encode())
        result = run("check", ".")
        assert "not-a-spec" not in result.err + result.out
        assert "rel" in result.err + result.out

    def test_no_byte_of_what_is_no_text(self, project: Path) -> None:
        Path("other").write_bytes(b"\xfe\xed" + SECRET.encode())
        Path("net.yaml").write_text("extends: other\n", encoding="utf-8")
        assert "0xfe" not in run("shapes", "net.yaml").err
        assert "0xfe" in run("shapes", "./other").err


@pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="a folder of Linux")  # noqa: S108
def test_a_project_may_lie_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path("/dev/shm") / f"convcalc-test-{os.getpid()}"  # noqa: S108
    folder.mkdir()
    try:
        monkeypatch.chdir(folder)
        Path("base.yaml").write_text(GOOD, encoding="utf-8")
        Path("net.yaml").write_text("extends: base.yaml\n", encoding="utf-8")
        assert run("check", ".").status == 0
    finally:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def test_git_leads_to_no_working_tree_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository: Repository = make_repository(tmp_path / "repository", monkeypatch)
    repository.write("net.yaml", SMALL)
    repository.commit()
    other = tmp_path / "private"
    other.mkdir()
    (other / "private.yaml").write_text(GOOD, encoding="utf-8")
    repository.git("config", "core.worktree", str(other))
    result = run("diff", "--base", "HEAD")
    assert result.status == 2
    assert "error[outside-root]" in result.err
    assert "private.yaml" not in result.err + result.out
    # The user's own environment may name one.
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_DIR", str(repository.root / ".git"))
    assert "private.yaml" in run("diff", "--base", "HEAD").out
