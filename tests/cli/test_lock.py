"""`convcalc lock`: what it writes, what it refuses, and that nothing half-written is ever there."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.runner import run

LENET = """\
input: [1, 28, 28]
layers:
  - {conv: 6, kernel: 5, padding: 2, activation: sigmoid}
  - {avgpool: 2}
  - {dense: 10}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two networks, which is where the commands run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "a.yaml").write_text(LENET)
    (tmp_path / "models" / "b.yaml").write_text(LENET.replace("dense: 10", "dense: 20"))
    return tmp_path


def change(name: str, old: str, new: str) -> None:
    path = Path("models", name)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def lock_bytes() -> bytes:
    return Path("convcalc.lock").read_bytes()


def test_writes_and_holds() -> None:
    result = run("lock", "models")
    assert result == (0, "convcalc.lock: 2 networks, 2 added\n", "")
    text = lock_bytes()
    assert text.startswith(b"convcalc.lock 1\n")
    assert b"\r" not in text
    assert b"\nnetwork models/a.yaml\n  input input: 1x28x28\n  output dense0: 10\n" in text
    assert run("lock", "--check", "models") == (0, "convcalc.lock: 2 networks, as locked\n", "")
    assert run("lock", "models") == (0, "convcalc.lock: 2 networks, nothing changed\n", "")
    assert lock_bytes() == text


def test_notes_on_a_network_are_shown_once(folder: Path) -> None:
    text = "args: {c: 4}\ninput: [1, 3, 8, 8]\nlayers: [{conv: c, kernel: 3}]\n"
    (folder / "noted.yaml").write_text(text)
    (folder / "convcalc.yaml").write_text("networks: [{files: noted.yaml, set: {c: 1..3}}]")
    for command in (["lock"], ["lock", "--check"]):
        result = run(*command)
        assert result.status == 0
        assert result.err.count("warning[input-batch-axis]") == 1
    networks = json.loads(run("lock", "--format", "json").out)["networks"]
    assert [[w["code"] for w in network["warnings"]] for network in networks] == [
        ["input-batch-axis"]
    ] * 3


def test_holds_nothing_of_where_and_when_it_was_made(folder: Path) -> None:
    run("lock", "models")
    first = lock_bytes()
    assert str(folder).encode() not in first
    other = folder / "elsewhere"
    (folder / "models").rename(folder / "moved")
    other.mkdir()
    (folder / "moved").rename(other / "models")
    os.chdir(other)
    run("lock", str(other / "models"))
    assert lock_bytes() == first


def test_files_are_named_from_the_locks_folder(folder: Path) -> None:
    os.chdir(folder / "models")
    run("lock", "b.yaml", "./a.yaml", "--output", "../convcalc.lock")
    os.chdir(folder)
    text = lock_bytes()
    assert b"network models/a.yaml\n" in text
    assert run("lock", "models", "--check").status == 0


def test_is_stale_after_a_change() -> None:
    run("lock", "models")
    before = lock_bytes()
    change("a.yaml", "conv: 6", "conv: 8")
    result = run("lock", "--check", "models")
    assert (result.status, result.out) == (1, "")
    assert result.err.startswith(
        "models/a.yaml:3:6: error[stale-lock]: conv0 changed: channels 6 -> 8, output 6x28x28"
    )
    assert "= help: `convcalc lock` accepts the change" in result.err
    assert result.err.endswith("convcalc.lock: 2 networks, 1 changed\n")
    assert "b.yaml" not in result.err
    assert lock_bytes() == before
    result = run("lock", "models")
    assert result.status == 0
    assert result.out.startswith(
        "convcalc.lock: 2 networks, 1 changed\n  changed  models/a.yaml: params 11,926 -> 15,898"
    )
    assert run("lock", "--check", "models").status == 0


def test_is_stale_after_a_change_of_a_network_that_is_a_block() -> None:
    user = "input: [1, 28, 28]\nblocks: {net: a.yaml}\nlayers: [{net: , name: n}, {dense: 2}]\n"
    Path("models", "user.yaml").write_text(user)
    run("lock", "models/user.yaml")
    change("a.yaml", "conv: 6", "conv: 8")
    result = run("lock", "--check", "models/user.yaml")
    assert result.status == 1
    assert result.err.startswith(
        "models/a.yaml:3:6: error[stale-lock]: n.conv0 changed: channels 6 -> 8, output 6x28x28"
    )
    assert "  : in block net, called at models/user.yaml:3:11\n" in result.err


def test_named_files_leave_what_else_is_locked() -> None:
    run("lock", "models")
    change("a.yaml", "conv: 6", "conv: 8")
    change("b.yaml", "conv: 6", "conv: 8")
    run("lock", "models/a.yaml")
    result = run("lock", "--check", "models")
    assert result.err.count("error[") == 1
    assert "models/b.yaml:3:6: error[stale-lock]" in result.err


def test_a_new_and_a_removed_network() -> None:
    run("lock", "models")
    Path("models/b.yaml").rename("models/c.yaml")
    result = run("lock", "--check", "models")
    assert result.status == 1
    assert "models/c.yaml:1:1: error[stale-lock]: models/c.yaml is not in the lock" in result.err
    assert "error[stale-lock]: models/b.yaml is locked, but there is no such file" in result.err
    assert result.err.endswith("convcalc.lock: 2 networks, 1 added, 1 removed\n")
    result = run("lock", "models")
    assert result.out == (
        "convcalc.lock: 2 networks, 1 added, 1 removed\n"
        "  added    models/c.yaml\n  removed  models/b.yaml\n"
    )
    assert b"models/b.yaml" not in lock_bytes()


def test_variants_and_shipped_networks() -> None:
    run("lock", "mobilenet_v2", "--set", "width=0.5")
    text = lock_bytes().decode()
    assert "\nnetwork mobilenet_v2 width=0.5\n" in text
    assert "\n  total params: 1,968,680\n" in text
    assert run("lock", "--check", "mobilenet_v2", "--set", "width=0.5").status == 0
    result = run("lock", "--check", "mobilenet_v2")
    assert "error[stale-lock]: mobilenet_v2 is not in the lock" in result.err


CONFIG = """\
networks:
  - files: models/wide.yaml
    set: {width: [0.5, 2]}
  - files: models/a.yaml
    dtype: int8
"""


def test_one_variant_of_the_networks_of_convcalc_yaml_leaves_the_others() -> None:
    Path("models", "a.yaml").write_text("args: {w: 1}\n" + LENET)
    Path("convcalc.yaml").write_text("networks: [{files: models/a.yaml, set: {w: [1, 2]}}]")
    run("lock")
    assert lock_bytes().count(b"\nnetwork ") == 2
    assert run("lock", "--check", "--set", "w=1").status == 0
    assert run("lock", "--set", "w=3").status == 0
    assert lock_bytes().count(b"\nnetwork ") == 3


def test_the_networks_of_convcalc_yaml(folder: Path) -> None:
    Path("convcalc.yaml").write_text(CONFIG)
    Path("models/wide.yaml").write_text(f"args: {{width: 1}}\n{LENET}".replace(": 6", ": 6*width"))
    os.chdir(folder / "models")
    result = run("lock")
    assert result == (0, f"..{os.sep}convcalc.lock: 3 networks, 3 added\n", "")
    os.chdir(folder)
    text = lock_bytes().decode()
    networks = [line for line in text.splitlines() if line.startswith("network ")]
    assert networks == [
        "network models/a.yaml",
        "network models/wide.yaml width=0.5",
        "network models/wide.yaml width=2",
    ]
    assert "  total weights: 11,926 B\n" in text  # as int8
    assert run("lock", "--check").status == 0
    change("wide.yaml", "dense: 10", "dense: 11")
    result = run("lock", "--check")
    assert result.err.count("error[stale-lock]: ") == 1  # one line, one error
    assert result.err.startswith("models/wide.yaml:6:6: error[stale-lock]: width=0.5: dense0 ")
    assert " = note: also in 1 other network: models/wide.yaml (width=2)" in result.err
    assert run("lock", "models/a.yaml").status == 0
    assert run("lock", "--check").status == 1
    Path("convcalc.yaml").write_text("networks: [{files: models/a.yaml}]\n")
    result = run("lock", "--check")
    assert "models/wide.yaml (width=2) is locked, but convcalc.yaml does not name it" in result.err
    assert run("lock").status == 0
    assert "wide" not in lock_bytes().decode()
    assert run("lock", "--check").status == 0


def test_a_bad_set_is_reported_at_its_place() -> None:
    Path("convcalc.yaml").write_text("networks: [{files: models/*.yaml, set: {width: 2}}]\n")
    result = run("lock")
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("convcalc.yaml:1:41: error[unknown-argument]: models/a.yaml: set ")
    assert not Path("convcalc.lock").exists()


def test_a_network_that_is_named_twice_is_locked_once(folder: Path) -> None:
    result = run("lock", "models", "./models/a.yaml", str(folder / "models" / "b.yaml"))
    assert result.out == "convcalc.lock: 2 networks, 2 added\n"


def test_check_and_lock_agree_about_growth() -> None:
    Path("convcalc.yaml").write_text("networks: [{files: models/a.yaml, growth: {macs: 2%}}]\n")
    assert run("check").status == 2  # there is no lock
    run("lock")
    assert run("check").status == 0
    change("a.yaml", "conv: 6", "conv: 8")
    result = run("check")
    assert result.status == 1
    assert "models/a.yaml:3" in result.out + result.err
    run("lock")
    assert run("check").status == 0


@pytest.mark.parametrize(("locked", "now"), [("int8", "float32"), ("float32", "int8")])
def test_bytes_of_another_dtype_are_no_measure_of_growth(locked: str, now: str) -> None:
    """Neither a network that grew passes as int8, nor does one that did not fail as float32."""
    config = "networks: [{{files: models/a.yaml, growth: {{weights: 2%, macs: 2%}}, dtype: {}}}]\n"
    Path("convcalc.yaml").write_text(config.format(locked))
    run("lock")
    assert run("check").status == 0
    Path("convcalc.yaml").write_text(config.format(now))
    result = run("check")
    assert result.status == 1
    assert result.err.startswith(
        "convcalc.yaml:1:53: error[other-dtype]: models/a.yaml: the growth of weights cannot be"
        f" told: bytes are locked as {locked}, and are {now} now"
    )
    assert result.err.count("error[") == 1
    assert f"the dtype of models/a.yaml is {now}, locked as {locked}" in run("lock", "--check").err
    run("lock")
    assert run("check").status == 0


def test_check_refuses_a_lock_that_it_cannot_compare_with() -> None:
    Path("convcalc.yaml").write_text("networks: [{files: models/a.yaml, growth: {macs: 2%}}]\n")
    run("lock")
    text = Path("convcalc.lock").read_text()
    for old, new, place in (
        ("  total macs: ", "  total macs: x", "convcalc.lock:11:3: error[bad-lock]"),
        ("convcalc.lock 1", "convcalc.lock 2", "convcalc.lock:1:1: error[lock-version]"),
        ("  total params", "=======\n  total params", "convcalc.lock:9:1: error[lock-conflict]"),
    ):
        Path("convcalc.lock").write_text(text.replace(old, new))
        result = run("check")
        assert result.status == 2
        assert result.out.startswith("models/a.yaml: FAILED (its growth is not checked: the lock ")
        assert result.err.startswith(place)


def test_check_blames_the_layer_that_has_changed_since_it_was_locked() -> None:
    change("a.yaml", "layers:", "expect: {params: 11926}\nlayers:")
    run("lock", "models")
    change("a.yaml", "conv: 6", "conv: 8")
    result = run("check", "models")
    assert result.status == 1
    shown = result.out + result.err
    assert "models/a.yaml:4:6: error[expectation]: expected params 11,926, found 15,898" in shown
    assert "conv0 changed: channels 6 -> 8, output 6x28x28 -> 8x28x28" in shown
    assert "the expectation stands at models/a.yaml:2:18" in shown
    good = Path("convcalc.lock").read_text()
    for bad in ("<<<<<<< HEAD\n", good.replace("total params: ", "total params: x")):
        Path("convcalc.lock").write_text(bad)
        result = run("check", "models")
        assert result.status == 1
        assert "models/a.yaml:2:18: error[expectation]" in result.out + result.err


def test_a_bad_config_is_refused() -> None:
    Path("convcalc.yaml").write_text("networks: []\n")
    assert run("lock").status == 2
    assert not Path("convcalc.lock").exists()


def test_a_broken_network_keeps_the_lock_from_being_written() -> None:
    run("lock", "models")
    before = lock_bytes()
    change("a.yaml", "dense: 10", "dense: ten")
    change("b.yaml", "kernel: 5", "kernel: 99")
    Path("models/c.yaml").write_text(LENET)
    result = run("lock", "models")
    assert (result.status, result.out) == (1, "")
    assert result.err.count(": error[") == 2
    assert result.err.endswith("convcalc.lock: 3 networks, 1 added, 2 broken; nothing is written\n")
    assert lock_bytes() == before
    assert run("lock", "models", "nowhere.yaml").status == 2
    assert lock_bytes() == before


def test_a_broken_network_and_no_lock_yet() -> None:
    change("a.yaml", "dense: 10", "dense: ten")
    assert run("lock", "models").status == 1
    assert os.listdir() == ["models"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("convcalc.lock 7\n", "convcalc.lock:1:1: error[lock-version]: the lock is of version 7"),
        ("<<<<<<< HEAD\nconvcalc.lock 1\n", "convcalc.lock:1:1: error[lock-conflict]: "),
        ("convcalc.lock 1\n\n=======\n", "convcalc.lock:3:1: error[lock-conflict]: "),
        ("convcalc.lock 1\nnetwork a\n  total p: x\n", "convcalc.lock:3:3: error[bad-lock]: "),
        ("", "convcalc.lock:1:1: error[bad-lock]: the lock is empty"),
    ],
)
@pytest.mark.parametrize("arguments", [("models",), ("--check", "models")])
def test_a_bad_lock_is_refused(text: str, place: str, arguments: tuple[str, ...]) -> None:
    Path("convcalc.lock").write_text(text)
    result = run("lock", *arguments)
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith(place)
    assert result.err.count("error[") == 1
    assert Path("convcalc.lock").read_text() == text


def test_a_lock_that_cannot_be_opened() -> None:
    result = run("lock", "--check", "models")
    assert result.status == 2
    assert result.err.startswith("error[no-lock]: there is no convcalc.lock to check\n")
    assert "`convcalc lock` writes it" in result.err
    Path("convcalc.lock").mkdir()
    assert run("lock", "models").status == 2
    Path("convcalc.lock").rmdir()
    Path("convcalc.lock").write_bytes(b"\xff\xfe")
    assert run("lock", "models").status == 2


def test_wrong_usage() -> None:
    result = run("lock")
    assert result.status == 2
    assert result.err.startswith("error[no-files]: no FILE, and no convcalc.yaml from here upwards")
    assert run("lock", "nothing/*.yaml").status == 2
    assert run("lock", "models", "--format", "xml").status == 2
    assert run("lock", "-", stdin=LENET.encode()).status == 2
    assert run("lock", "models", "--output", "no/such/folder.lock").status == 2
    assert os.listdir() == ["models"]


def test_json() -> None:
    run("lock", "models")
    change("a.yaml", "conv: 6", "conv: 8")
    result = run("lock", "--check", "models", "--format", "json")
    assert result.status == 1
    data = json.loads(result.out)
    assert (data["schema"], data["lock"], data["ok"]) == (
        "convcalc.locking/1",
        "convcalc.lock",
        False,
    )
    first, second = data["networks"]
    assert (first["file"], first["state"]) == ("models/a.yaml", "changed")
    assert first["totals"]["params"] == 15898
    (problem,) = first["problems"]
    assert (problem["code"], problem["file"], problem["line"]) == ("stale-lock", "models/a.yaml", 3)
    assert (second["state"], second["problems"]) == ("same", [])


@pytest.mark.long  # tests/test_safe_files.py kills what replaces the file
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_command_leaves_the_old_or_the_new() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    wait = random.Random(6)
    locks = []
    for width in ("6", "8"):
        Path("models/a.yaml").write_text(LENET.replace("conv: 6", f"conv: {width}"))
        run("lock", "models")
        locks.append(lock_bytes())
    start = time.monotonic()
    command = [sys.executable, "-m", "convcalc", "lock", "models"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    longest = 1.2 * (time.monotonic() - start)
    for number in range(12):
        width = "68"[number % 2]
        Path("models/a.yaml").write_text(LENET.replace("conv: 6", f"conv: {width}"))
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as child:
            time.sleep(wait.uniform(0.3, 1) * longest)
            child.kill()
        assert lock_bytes() in locks
    subprocess.run(command, env=environment, check=True, capture_output=True)
    assert sorted(os.listdir()) == ["convcalc.lock", "models"]
