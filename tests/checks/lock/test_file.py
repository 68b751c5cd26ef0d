"""The lock's text: what is written is read back, the same in any order; what is not is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from difflib import unified_diff
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import convcalc
from convcalc.checks.lock.file import (
    MOST_LINES,
    MOST_NETWORKS,
    Lock,
    LockedLayer,
    LockedNetwork,
    lock_text,
    locked_network,
    parse_lock,
)
from convcalc.checks.project.targets import LOCK_NAME
from convcalc.problems import ConvcalcError, Source
from tests.cli.runner import run
from tests.quick import fewer_examples

names = st.from_regex(r"[A-Za-z0-9_-]{1,8}(\.[A-Za-z0-9_-]{1,8}){0,2}", fullmatch=True)
shapes = st.lists(st.integers(1, 2**31 - 1), min_size=1, max_size=4).map(tuple)
counts = st.integers(0, 10**30)
kinds = st.lists(st.sampled_from(["conv 3x3 /2", "relu", "batchnorm"]), min_size=1).map(" + ".join)
layers = st.builds(LockedLayer, kinds, shapes, counts, counts)
#: Anything that a file system or a shell may hand over, lone surrogates included.
texts = st.text(st.characters(codec=None), max_size=12)
networks = st.builds(
    LockedNetwork,
    texts,
    texts,
    st.dictionaries(names, shapes, max_size=2),
    st.dictionaries(names, shapes, max_size=2),
    st.dictionaries(names, counts, max_size=4),
    st.dictionaries(names, layers, max_size=5),
    st.sampled_from(["float32", "float16", "bfloat16", "int8"]),
)


def parsed(text: str) -> Lock:
    return parse_lock(Source(LOCK_NAME, text))


def refusal(text: str) -> ConvcalcError | None:
    try:
        parsed(text)
    except ConvcalcError as error:
        return error
    return None


def locked(spec: str, file: str = "net.yaml") -> LockedNetwork:
    report = convcalc.analyze(convcalc.loads(spec))
    totals = {"params": report.totals.params, "macs": report.totals.macs, "peak_memory": 1234}
    return locked_network(file, "", report, totals)


@fewer_examples(3)  # each makes several networks of many rows
@given(st.lists(networks, max_size=4, unique_by=lambda one: (one.file, one.variant)), st.randoms())
def test_what_is_written_is_read_back(entries: list[LockedNetwork], random: object) -> None:
    text = lock_text(entries)
    text.encode("utf-8")
    assert text.isascii() or all(one.isprintable() for one in text.splitlines())
    lock = parsed(text)
    assert list(lock.networks.values()) == sorted(entries, key=lambda o: (o.file, o.variant))
    for entry in entries:
        found = lock.find(entry.file, entry.variant)
        assert found == entry
        assert list(found.layers) == list(entry.layers)
    assert lock_text(lock.networks.values()) == text
    shuffled = list(entries)
    getattr(random, "shuffle")(shuffled)  # noqa: B009 - Hypothesis gives the type no name
    assert lock_text(shuffled) == text


def test_a_checkout_of_windows_is_read() -> None:
    text = lock_text([locked("{input: [4], layers: [{dense: 3}]}")])
    assert parsed(text.replace("\n", "\r\n")).networks == parsed(text).networks


def test_it_is_the_same_in_every_process() -> None:
    """Names that hash differently in each process do not change the order of anything."""
    program = (
        "import convcalc, sys; from convcalc.checks.lock.file import *\n"
        "names = ['unet', 'googlenet', 'mobilenet_v2']\n"
        "reports = {name: convcalc.analyze(convcalc.load(name)) for name in set(names)}\n"
        "entries = [locked_network(n, '', r, {'params': 1}) for n, r in reports.items()]\n"
        "sys.stdout.buffer.write(lock_text(entries).encode())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1
    assert found.pop().startswith(b"convcalc.lock 1\n")


def test_the_whole_text() -> None:
    spec = """
input: [3, 32, 32]
layers:
  - {conv: 64, kernel: 3, stride: 2, padding: 1, norm: batch, activation: relu}
  - {add: {skip: [], main: [{conv: 64, kernel: 1}]}, name: unit}
  - global_avgpool
  - {dense: 1000, name: head}
"""
    assert lock_text(
        [locked(spec, "models/a b.yaml")._replace(variant="width=0.5 list=[1, 2]")]
    ) == (
        """convcalc.lock 1
# What each network costs, so that a pull request's diff shows it. `convcalc lock` writes
# this file, and accepts a change; `convcalc lock --check` tells whether it holds.

network "models/a b.yaml" width=0.5 list=[1, 2]
  input input: 3x32x32
  output head: 1000
  dtype float32
  total params: 71,080
  total macs: 1,554,944
  total peak_memory: 1,234 B
  layer conv0: conv 3x3 /2 + batchnorm + relu -> 64x16x16, params 1,920, macs 442,368
  layer unit.main.conv0: conv 1x1 -> 64x16x16, params 4,160, macs 1,048,576
  layer unit: add -> 64x16x16, params 0, macs 0
  layer pool0: global_avgpool -> 64x1x1, params 0, macs 0
  layer head: dense -> 1000, params 65,000, macs 64,000
"""
    )


def test_a_changed_layer_is_a_changed_line() -> None:
    """And one more for each total, and for the layer that reads it."""
    before = "{input: [3, 8, 8], layers: [{conv: 8, kernel: 3}, relu, {conv: 1000, kernel: 1}]}"
    after = before.replace("{conv: 1000, kernel: 1}", "{conv: 1000, kernel: 2}")
    old, new = (lock_text([locked(spec)]).splitlines() for spec in (before, after))
    changed = [
        line for line in unified_diff(old, new, n=0, lineterm="") if line[:4] in {"-  l", "+  l"}
    ]
    assert changed == [
        "-  layer conv1: conv 1x1 -> 1000x6x6, params 9,000, macs 288,000",
        "+  layer conv1: conv 2x2 -> 1000x5x5, params 33,000, macs 800,000",
    ]


GOOD = lock_text(
    [locked("{input: [4], layers: [{dense: 3}, relu]}", file) for file in ("a.yaml", "b.yaml")]
)


@pytest.mark.parametrize(
    ("line", "text", "code", "place"),
    [
        (1, "convcalc.lock 2", "lock-version", "1:1"),
        (1, "convcalc.lock 0", "lock-version", "1:1"),
        (1, "convcalc.lock", "bad-lock", "1:1"),
        (1, "", "bad-lock", "1:1"),
        (1, "<<<<<<< HEAD", "lock-conflict", "1:1"),
        (8, "<<<<<<< HEAD", "lock-conflict", "8:1"),
        (8, "=======", "lock-conflict", "8:1"),
        (8, ">>>>>>> branch 'wider'", "lock-conflict", "8:1"),
        (8, "||||||| 3ac2d1f", "lock-conflict", "8:1"),
        (8, "  total params: 15,0", "bad-lock", "8:3"),
        (8, "  total params: 1500", "bad-lock", "8:3"),
        (8, "  total params: -1", "bad-lock", "8:3"),
        (8, "  total params: " + "9" * 5000, "bad-lock", "8:3"),
        (8, "  total params", "bad-lock", "8:3"),
        (8, "total params: 15", "bad-lock", "8:1"),
        (8, "  sum params: 15", "bad-lock", "8:3"),
        (8, "\x1b[31m", "bad-lock", "8:1"),
        (5, "network", "bad-lock", "5:1"),
        (5, 'network "a.yaml', "bad-lock", "5:1"),
        (5, 'network "\\q"', "bad-lock", "5:1"),
        (5, f'network "{"a" * 30_001}"', "bad-lock", "5:1"),
        (5, "", "bad-lock", "6:3"),
        (15, "network a.yaml", "lock-duplicate", "15:1"),
        (7, "  input input: 4", "lock-duplicate", "7:3"),
        (10, "  total params: 15", "lock-duplicate", "10:3"),
        (13, "  layer dense0: dense -> 3, params 15, macs 12", "lock-duplicate", "13:3"),
        (12, "  layer relu0: relu -> 3x0, params 0, macs 0", "bad-lock", "12:3"),
        (12, "  layer relu0: relu -> 3, params 0", "bad-lock", "12:3"),
        (8, "  dtype float64", "bad-lock", "8:3"),
        (9, "  dtype int8", "lock-duplicate", "9:3"),
    ],
)
def test_a_bad_line_is_refused_at_its_place(line: int, text: str, code: str, place: str) -> None:
    lines = GOOD.split("\n")
    lines[line - 1] = text
    with pytest.raises(ConvcalcError) as caught:
        parsed("\n".join(lines))
    assert caught.value.status == 2
    (problem,) = caught.value.problems
    assert problem.code == code
    assert str(problem).startswith(f"{LOCK_NAME}:{place}: error[{code}]: ")
    assert str(problem).isprintable()


@given(st.data())
def test_no_text_is_a_traceback(data: st.DataObject) -> None:
    """Pieces left out, doubled and put elsewhere: read, or refused at a line that is there."""
    text = GOOD
    for _ in range(data.draw(st.integers(1, 3))):
        start, stop, at = (data.draw(st.integers(0, len(text))) for _ in range(3))
        text = (
            text[:start] + text[stop:] if start < stop else text[:at] + text[stop:start] + text[at:]
        )
    refused = refusal(text)
    if refused is not None:
        (problem,) = refused.problems
        assert refused.status == 2
        assert problem.span is not None
        assert 1 <= problem.span.line <= text.count("\n") + 1


def test_a_lock_holds_a_limited_number_of_networks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_text("{input: [4], layers: [{dense: 3}]}", "utf-8")
    text = "".join(f"network net.yaml n={number}\n" for number in range(MOST_NETWORKS))
    lock = tmp_path / LOCK_NAME
    lock.write_text(f"{LOCK_NAME} 1\n{text}", encoding="utf-8")
    refused = run("lock", "net.yaml")
    assert refused.status == 2
    assert refused.err.startswith("error[too-many-networks]: convcalc.lock would hold 20,001 ")
    lock.write_text(f"{LOCK_NAME} 1\n{text}network net.yaml\n", encoding="utf-8")
    for arguments in (["lock", "--check"], ["check", "--fail-on", "macs>+1%"]):
        refused = run(*arguments, "net.yaml")
        assert refused.status == 2
        assert f"convcalc.lock:{MOST_NETWORKS + 2}:1: error[too-many-networks]: " in refused.err


def test_a_lock_has_a_limited_number_of_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is neither read with more, nor written."""
    monkeypatch.chdir(tmp_path)
    net = tmp_path / "net.yaml"
    net.write_text("{input: [4], layers: [{dense: 3}]}", "utf-8")
    assert run("lock", "net.yaml").status == 0
    lock = tmp_path / LOCK_NAME
    text = lock.read_text("utf-8")
    full = text + "\n" * (MOST_LINES - text.count("\n"))
    lock.write_text(full, "utf-8")
    assert run("lock", "--check", "net.yaml").status == 0
    for arguments in (["lock"], ["lock", "--check"], ["check", "--fail-on", "macs>+1%"]):
        lock.write_text(f"{full}\n", "utf-8")
        refused = run(*arguments, "net.yaml")
        assert refused.status == 2
        assert "convcalc.lock:250001:1: error[lock-too-long]: the lock has more " in refused.err
        assert lock.read_text("utf-8") == f"{full}\n"


def test_no_lock_is_written_that_would_be_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("convcalc.checks.lock.outcomes.MOST_LINES", 30)
    (tmp_path / "net.yaml").write_text("{input: [4], layers: [{dense: 3, repeat: 9}]}", "utf-8")
    refused = run("lock", "net.yaml")
    assert refused.status == 2
    assert refused.err.startswith("error[lock-too-long]: convcalc.lock would hold 39 lines\n")
    assert not (tmp_path / LOCK_NAME).exists()


def test_no_lock_is_written_that_has_too_many_bytes_to_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_text("{input: [4], layers: [{dense: 3, repeat: 9}]}", "utf-8")
    refused = run("lock", "net.yaml", "--max-file-size", "60")
    assert refused.status == 2
    assert refused.err.startswith("error[lock-too-long]: convcalc.lock would hold 1,174 bytes\n")
    assert "= help: --max-file-size allows more" in refused.err
    assert not (tmp_path / LOCK_NAME).exists()
    assert run("lock", "net.yaml", "--max-file-size", "1kB").status == 0
    assert run("lock", "--check", "net.yaml", "--max-file-size", "1kB").status == 0


def test_rows_of_other_networks_are_not_read() -> None:
    """But what marks a merge, and every network's line."""
    lines = GOOD.split("\n")
    lines[19] = "  layer"
    lock = parse_lock(Source(LOCK_NAME, "\n".join(lines)), whole=False)
    assert lock.find("a.yaml") == parsed(GOOD).find("a.yaml")
    with pytest.raises(ConvcalcError, match=r"convcalc.lock:20:3: error\[bad-lock\]"):
        lock.find("b.yaml")
    lines[19] = "======="
    with pytest.raises(ConvcalcError, match=r"convcalc.lock:20:1: error\[lock-conflict\]"):
        parse_lock(Source(LOCK_NAME, "\n".join(lines)), whole=False)


def test_places_of_layers() -> None:
    lock = parsed(GOOD)
    network = lock.find("b.yaml")
    assert network is not None
    assert lock.place(network) == "convcalc.lock:15"
    assert lock.place(network, "relu0") == "convcalc.lock:23"
    assert lock.find("b.yaml", "width=2") is None
