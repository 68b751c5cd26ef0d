"""`lock` in a project of variants and of bases: each mistake at one line of one's own, once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from convcalc.analysis.costs.report import Report, analyze
from convcalc.graph import Network
from tests.cli.runner import run

EDGE = """\
args: {width: 1}
input: [3, 16, 16]
layers:
  - {conv: 8*width, kernel: 3}
  - {dense: 10}
"""
SETS = "networks: [{files: edge.yaml, set: {width: [1, 2, 3, 4, 5]}}]\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A network in five variants."""
    monkeypatch.chdir(tmp_path)
    Path("edge.yaml").write_text(EDGE)
    Path("convcalc.yaml").write_text(SETS)
    return tmp_path


def edit(path: str, old: str, new: str) -> None:
    text = Path(path).read_text()
    assert text.count(old) == 1
    Path(path).write_text(text.replace(old, new))


def test_an_edited_line_is_reported_once_with_the_variants_that_it_changed() -> None:
    run("lock")
    edit("edge.yaml", "dense: 10", "dense: 11")
    result = run("lock", "--check")
    assert result.err.count("error[stale-lock]") == 1
    assert result.err.startswith(
        "edge.yaml:5:6: error[stale-lock]: dense0 changed: units 10 -> 11, "
    )
    others = "edge.yaml (width=2), edge.yaml (width=3), edge.yaml (width=4), ..."
    assert f"  = note: also in 4 other networks: {others}\n" in result.err
    assert result.err.endswith("\nconvcalc.lock: 5 networks, 5 changed\n")
    # For a program every network has its own.
    networks = json.loads(run("lock", "--check", "--format", "json").out)["networks"]
    assert [len(network["problems"]) for network in networks] == [1] * 5


def test_a_call_that_one_variant_shows_to_be_edited_is_reported_for_all() -> None:
    """With one call of a block, its line may be what was edited; with two, it was not."""
    text = (
        "args: {deep: 0}\ninput: [3, 16, 16]\nblocks:\n  unit(c):\n    - {conv: c, kernel: 3}\n"
        "layers:\n  - {unit: 8}\n  - {unit: 8, when: deep > 0}\n"
    )
    Path("edge.yaml").write_text(text)
    Path("convcalc.yaml").write_text("networks: [{files: edge.yaml, set: {deep: [0, 1, 2]}}]\n")
    run("lock")
    edit("edge.yaml", "- {unit: 8}", "- {unit: 9}")
    err = run("lock", "--check").err
    assert err.count("error[stale-lock]") == 1
    assert err.startswith("edge.yaml:7:6: error[stale-lock]: deep=1: unit0.conv0 changed: channels")
    assert "also in 2 other networks: edge.yaml, edge.yaml (deep=2)\n" in err


def test_two_edited_lines_are_two_errors() -> None:
    Path("other.yaml").write_text(EDGE)
    run("lock", "edge.yaml", "other.yaml")
    edit("edge.yaml", "dense: 10", "dense: 11")
    edit("other.yaml", "kernel: 3", "kernel: 5")
    err = run("lock", "--check", "edge.yaml", "other.yaml").err
    assert err.count("error[stale-lock]") == 2
    assert "other.yaml:4:6: error[stale-lock]" in err
    assert "2 errors" in err


def test_variants_that_are_new_are_reported_once_and_apart_from_changed_ones() -> None:
    run("lock")
    edit("convcalc.yaml", "4, 5]", "4, 5, 6, 7, 8]")
    err = run("lock", "--check").err
    assert err.count("error[stale-lock]") == 1
    assert err.startswith("edge.yaml:1:1: error[stale-lock]: edge.yaml (width=6) is not in the")
    assert "also in 2 other networks: edge.yaml (width=7), edge.yaml (width=8)\n" in err


def test_a_mistake_of_every_variant_is_reported_once() -> None:
    edit("edge.yaml", "kernel: 3", "kernel: 33")
    err = run("lock").err
    assert err.count("error[window-too-large]") == 1
    assert err.endswith("5 networks, 5 broken; nothing is written\n")


def test_a_base_that_several_files_extend() -> None:
    Path("convcalc.yaml").write_text("networks: [{files: [a.yaml, b.yaml]}]\n")
    for name in "ab":
        Path(f"{name}.yaml").write_text("extends: edge.yaml\n")
    run("lock")
    edit("edge.yaml", "dense: 10", "dense: 12")
    err = run("lock", "--check").err
    assert err.startswith("edge.yaml:5:6: error[stale-lock]: dense0")
    assert "= note: also in 1 other network: b.yaml\n" in err


def test_two_files_that_call_a_block_of_their_base_in_another_way_are_both_reported() -> None:
    """The block's line is the first that makes another layer; what was edited is each call."""
    block = "input: [3, 16, 16]\nblocks:\n  unit(c):\n    - {conv: c, kernel: 3}\nlayers: []\n"
    Path("edge.yaml").write_text(block)
    Path("convcalc.yaml").write_text("networks: [{files: [a.yaml, b.yaml]}]\n")
    for name in "ab":
        Path(f"{name}.yaml").write_text("extends: edge.yaml\nlayers: [{unit: 8}]\n")
    run("lock")
    for name in "ab":
        edit(f"{name}.yaml", "unit: 8", "unit: 9")
    err = run("lock", "--check").err
    assert err.count("error[stale-lock]") == 2
    assert "called at a.yaml:2:11" in err
    assert "called at b.yaml:2:11" in err


@pytest.mark.parametrize("command", [("check",), ("lock",), ("lock", "--check")])
def test_a_mistake_in_a_shipped_base_is_reported_in_the_file_that_extends_it(
    command: tuple[str, ...],
) -> None:
    Path("mine.yaml").write_text("extends: vgg16\ninput: [3, 8, 8]\n")
    Path("convcalc.yaml").write_text("networks: [{files: mine.yaml}]\n")
    if "--check" in command:
        Path("convcalc.lock").write_text("convcalc.lock 1\n")
    result = run(*command)
    assert result.status == 1
    assert result.err.startswith("mine.yaml:1:10: error[window-too-large]: ")
    assert "of a network that ships with convcalc" in result.err


def test_what_another_command_locked_in_the_meantime_stays() -> None:
    """Between reading the lock and writing it, another `convcalc lock` writes a network into it."""
    Path("convcalc.yaml").unlink()
    for name in ("other", "third"):
        Path(f"{name}.yaml").write_text(EDGE)
    run("lock", "edge.yaml")

    ran: list[bool] = []

    def meanwhile(network: Network, **options: Any) -> Report:
        if not ran:
            ran.append(True)
            assert run("lock", "other.yaml").status == 0
        return analyze(network, **options)

    with patch("convcalc.analysis.analysis.analyze", meanwhile):
        assert run("lock", "third.yaml").status == 0
    assert ran
    text = Path("convcalc.lock").read_text()
    assert [line for line in text.splitlines() if line.startswith("network")] == [
        "network edge.yaml",
        "network other.yaml",
        "network third.yaml",
    ]


def test_what_another_command_broke_in_the_meantime_is_refused_and_stays() -> None:
    run("lock", "edge.yaml")

    def meanwhile(network: Network, **options: Any) -> Report:
        Path("convcalc.lock").write_text("<<<<<<< HEAD\n")
        return analyze(network, **options)

    with patch("convcalc.analysis.analysis.analyze", meanwhile):
        result = run("lock", "edge.yaml")
    assert result.status == 2
    assert result.err.startswith("convcalc.lock:1:1: error[lock-conflict]")
    assert Path("convcalc.lock").read_text() == "<<<<<<< HEAD\n"


@pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be locked there")
def test_commands_at_the_same_time_lose_nothing(here: Path) -> None:
    Path("convcalc.yaml").unlink()
    names = [f"net{number}.yaml" for number in range(8)]
    for name in names:
        Path(name).write_text(EDGE)
    command = [sys.executable, "-m", "convcalc", "lock"]
    started = [subprocess.Popen([*command, name], stdout=subprocess.PIPE) for name in names]
    for process in started:
        process.communicate()
        assert process.returncode == 0
    assert run("lock", "--check", *names).out == "convcalc.lock: 8 networks, as locked\n"
    assert sorted(path.name for path in here.iterdir()) == sorted(
        ["convcalc.lock", "edge.yaml", *names]
    )


@pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be locked there")
def test_a_folder_that_another_program_keeps_locked_is_waited_for_and_no_longer() -> None:
    import fcntl

    held = os.open(".", os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    waits: list[float] = []
    try:
        with patch.object(time, "sleep", waits.append):
            assert run("lock").status == 0
    finally:
        os.close(held)
    assert 1 <= sum(waits) <= 10
    assert run("lock", "--check").status == 0


def test_a_system_without_locks_on_folders_does_without() -> None:
    with patch.dict(sys.modules, {"fcntl": None}):
        assert run("lock").status == 0
    assert run("lock", "--check").status == 0


def test_a_lock_that_is_no_text_is_reported_as_a_lock() -> None:
    Path("convcalc.lock").write_bytes(b"convcalc.lock 1\n\xff\n")
    for command in (("lock",), ("lock", "--check")):
        result = run(*command)
        assert result.status == 2
        assert "byte 0xff at line 2" in result.err
        assert "the lock is a text file in UTF-8" in result.err
    Path("convcalc.yaml").write_bytes(b"networks:\n\xff\n")
    assert "convcalc.yaml is a text file in UTF-8" in run("check").err


@pytest.mark.parametrize(
    "command",
    [
        ("lock",),
        ("lock", "--check"),
        ("check",),
        ("diff", "edge.yaml", "edge.yaml"),
        ("shapes", "edge.yaml"),
        ("schema",),
        ("weights", "edge.yaml"),
    ],
)
def test_an_empty_output_is_refused(command: tuple[str, ...], here: Path) -> None:
    run("lock")
    before = sorted(here.iterdir())
    result = run(*command, "--output", "")
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("error[bad-option]: --output names no file\n")
    assert sorted(here.iterdir()) == before


@pytest.mark.parametrize("text", ["", "\n", " \n\n"])
def test_an_empty_lock_is_reported_as_empty(text: str) -> None:
    Path("convcalc.lock").write_text(text)
    result = run("lock")
    assert result.status == 2
    assert "error[bad-lock]: the lock is empty\n" in result.err
    assert "remove it, then `convcalc lock` writes it anew" in result.err


@pytest.mark.parametrize("odd", [b"\xef\xbb\xbf%s", b"%s"])
def test_a_byte_order_mark_and_other_ends_of_lines_are_read_and_go(odd: bytes) -> None:
    run("lock")
    path = Path("convcalc.lock")
    good = path.read_bytes()
    path.write_bytes(odd % good.replace(b"\n", b"\r\n" if odd == b"%s" else b"\n"))
    assert run("lock", "--check").status == 0
    assert path.read_bytes() != good
    assert run("lock").status == 0
    assert path.read_bytes() == good


def test_the_lock_is_no_network_of_a_glob() -> None:
    Path("convcalc.yaml").write_text("networks: [{files: '*'}]\n")
    assert run("lock").out == "convcalc.lock: 1 network, 1 added\n"
    assert run("check").out == "edge.yaml: ok\n1 checked, all ok\n"
