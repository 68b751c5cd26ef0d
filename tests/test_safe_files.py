"""Files are replaced as a whole, whatever the file system can."""

from __future__ import annotations

import errno
import os
import random
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from convcalc.safe_files import replace_file, replacing

#: Writes one of two texts, again and again, without a pause.
WRITER = """
from convcalc.safe_files import replace_file
texts = ["a" * 300_000, "b" * 500_000]
print("ready", flush=True)
for number in range(10**9):
    replace_file("out.txt", texts[number % 2])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_kill_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    wait = random.Random(5)
    whole = {b"a" * 300_000, b"b" * 500_000}
    for _ in range(10):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER], cwd=tmp_path, env=environment, stdout=subprocess.PIPE
        ) as child:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(wait.uniform(0.001, 0.05))
            child.kill()
        assert not target.exists() or target.read_bytes() in whole
        assert len([name for name in os.listdir(tmp_path) if name != "out.txt"]) <= 1
    replace_file(str(target), "whole")
    assert os.listdir(tmp_path) == ["out.txt"]


@pytest.mark.parametrize("able", ["unnamed files", "no unnamed files", "no names for them"])
def test_replaces(able: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, "not on this file system")

    if able == "no unnamed files":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    elif able == "no names for them":
        monkeypatch.setattr(os, "link", refused)
    target = tmp_path / "out.txt"
    for text in ("one\n", "two\n", "größer\n"):
        replace_file(str(target), text)
        assert target.read_bytes() == text.encode()
    assert os.listdir(tmp_path) == ["out.txt"]


def test_what_a_kill_left_behind_is_removed(tmp_path: Path) -> None:
    target = str(tmp_path / "out.txt")
    program = (
        "import os; from convcalc.safe_files import replacing\n"
        "vars(os).pop('O_TMPFILE', None)\n"
        f"with replacing({target!r}) as stream: stream.flush(); os._exit(1)"
    )
    subprocess.run([sys.executable, "-c", program], check=False)
    assert len(os.listdir(tmp_path)) == 1
    replace_file(str(tmp_path / "other.txt"), "another file's partial one stays")
    assert len(os.listdir(tmp_path)) == 2
    replace_file(target, "whole")
    assert sorted(os.listdir(tmp_path)) == ["other.txt", "out.txt"]


def test_a_failure_leaves_the_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    target = tmp_path / "out.txt"
    target.write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        replace_file(str(target), "new")
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["out.txt"]


def test_an_interrupt_leaves_the_old(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    target.write_text("old")

    def interrupted() -> None:
        with replacing(str(target)) as stream:
            stream.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["out.txt"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("real")
    replace_file(str(tmp_path / "link"), "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_file_keeps_its_permissions(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    for mode in (0o600, 0o664):
        target.write_text("old")
        target.chmod(mode)
        replace_file(str(target), "new")
        assert stat.S_IMODE(target.stat().st_mode) == mode
        assert target.read_text() == "new"


def test_a_read_only_file_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "out.txt"
    target.write_text("old")
    monkeypatch.setattr(os, "access", lambda *_: False)  # whoever runs the tests may write it
    with pytest.raises(PermissionError, match="read-only"):
        replace_file(str(target), "new")
    assert target.read_text() == "old"
    replace_file(str(tmp_path / "new.txt"), "new")
    assert (tmp_path / "new.txt").read_text() == "new"


def test_a_device_is_written_to_but_never_replaced() -> None:
    replace_file(os.devnull, "text")
    with pytest.raises(OSError, match="not a regular file"), replacing(os.devnull):
        pass
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


@pytest.mark.parametrize("name", ["loop", "n" * 300, "none/out.txt"])
def test_a_target_that_cannot_be(name: str, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(OSError, match=r"\w"):
        replace_file(str(tmp_path / name), "x")
    assert os.listdir(tmp_path) == ["loop"]


def test_a_name_as_long_as_names_can_be(tmp_path: Path) -> None:
    replace_file(str(tmp_path / ("n" * 255)), "x")
    assert os.listdir(tmp_path) == ["n" * 255]
