"""`convcalc flops`, with and without a what-if."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.runner import run, spec


def test_totals_in_a_pipe() -> None:
    out = run("flops", "lenet").out
    assert "416,520" in out
    assert "858,868" in out
    assert "FLOPs = multiplies + adds" in out


def test_csv_has_every_class() -> None:
    out = run("flops", "lenet", "--format", "csv").out
    lines = list(csv.DictReader(io.StringIO(out)))
    sums = {key: sum(int(line[key]) for line in lines) for key in list(lines[0])[2:]}
    assert sums == {
        "multiplies": 416520,
        "adds": 427756,
        "divides": 8084,
        "compares": 0,
        "specials": 6508,
        "macs": 416520,
        "flops": 858868,
    }
    by_kind = run("flops", "lenet", "--format", "csv", "--by", "kind").out.splitlines()
    assert by_kind[:2] == [
        "kind,layers,multiplies,adds,divides,compares,specials,macs,flops",
        "conv,2 layers,357600,357600,0,0,0,357600,715200",
    ]


def test_csv_of_a_what_if_names_every_column_once() -> None:
    out = run("flops", "lenet", "--double-padding", "--format", "csv").out
    heading = out.splitlines()[0].split(",")
    assert heading == [
        *("name", "multiplies", "multiplies_after", "multiplies_ratio"),
        *("adds", "adds_after", "adds_ratio"),
    ]


def test_a_what_if_shows_rows_that_multiply_or_add_and_csv_has_all() -> None:
    out = run("flops", "lenet_relu", "--double-channels").out
    assert "conv0.relu" not in out
    assert "pool0" not in out
    assert "Not shown: 6 without a multiplication or addition." in out
    lines = run("flops", "lenet_relu", "--double-channels", "--format", "csv").out.splitlines()
    assert "conv0.relu,0,0,x1,0,0,x1" in lines


def test_a_what_if_that_changes_nothing_says_so(tmp_path: Path) -> None:
    path = spec(tmp_path, "{input: [4], layers: [{dense: 3}]}")
    out = run("flops", path, "--kernel", "3").out
    assert "The what-if changes nothing in this network." in out


def test_a_what_if_says_what_it_is() -> None:
    out = run("flops", "lenet", "--kernel", "3", "--double-padding").out
    assert out.splitlines()[0].endswith(", with --kernel 3 --double-padding")


def test_doubled_channels_cost_twice_then_four_times() -> None:
    result = run("flops", "lenet", "--double-channels", "--format", "csv")
    rows = {row[0]: row for row in csv.reader(io.StringIO(result.out))}
    assert rows["conv0"][1:4] == ["117600", "235200", "x2"]
    assert rows["conv1"][1:7] == ["240000", "960000", "x4", "240000", "960000", "x4"]
    assert rows["dense2"][3] == "x1"


def test_json_of_a_what_if_holds_both_networks() -> None:
    plain = json.loads(run("flops", "lenet", "--format", "json").out)
    changed = json.loads(run("flops", "lenet", "--double-channels", "--format", "json").out)
    names = ("layers", "totals", "complete", "unknown")
    assert changed["before"] == {name: plain[name] for name in names}
    assert changed["totals"]["multiplies"] > plain["totals"]["multiplies"]


def test_a_smaller_kernel_keeps_shapes_or_shows_the_new_ones() -> None:
    out = run("flops", "lenet", "--kernel", "1").out
    assert "conv1: (1, 16, 10, 10) -> (1, 16, 14, 14)" in out
    assert "conv0: (1" not in out


@pytest.mark.parametrize("factor", ["0", "-1", "x", "1e400", "1/0", ""])
def test_an_impossible_factor(factor: str) -> None:
    result = run("flops", "lenet", f"--scale-channels={factor}")
    assert result.status == 2
    assert "--scale-channels" in result.err
    assert result.out == ""


def test_valid_taps_are_fewer_and_named() -> None:
    out = run("flops", "lenet", "--valid-taps").out
    assert "107,736" in out
    assert "(--valid-taps)" in out
