"""Locked layers, compared by as much as a line of the lock says of them."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given

import convcalc
from benchmarks.faults import OPERATORS, Spec
from convcalc.checks.diff.changes import Changes
from convcalc.checks.diff.diff import compare
from convcalc.checks.diff.hunks import hunks
from convcalc.checks.diff.wording import headline
from convcalc.checks.lock.file import LockedLayer, locked_network
from convcalc.checks.lock.layers import changes_since
from convcalc.language.shipped import shipped_path
from convcalc.problems import ConvcalcError
from tests.checks.diff.networks import SEEDS, marks_of, random_report


def since_locked(old: str, new: str) -> Changes:
    before, after = [convcalc.analyze(convcalc.loads(text)) for text in (old, new)]
    return changes_since(locked_network("", "", before, {}), after)


def headlines(found: Changes) -> list[str]:
    return [headline(hunk) for hunk in hunks(found)]


def one_layer(layer: str) -> str:
    return f"{{input: [8, 16, 16], layers: [{{{layer}}}]}}"


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ("conv: 8, kernel: 3, padding: 1", "conv: 8, kernel: 5, padding: 2", "kernel 3 -> 5"),
        ("conv: 8, kernel: 1", "conv: 8, kernel: [1, 1], groups: 4", "groups 1 -> 4"),
        ("conv: 8, kernel: 1, dilation: 2", "conv: 8, kernel: 1", "dilation 2 -> 1"),
        ("maxpool: 3, stride: 1", "maxpool: [3, 1], stride: 1", "kernel 3 -> [3, 1]"),
        ("conv: 8, kernel: 1", "conv: 9, kernel: 1", "channels 8 -> 9"),
        ("dense: 8", "dense: 9", "units 8 -> 9"),
        ("dense: 8", "dense: 8, positionwise: true", "positionwise false -> true"),
        ("maxpool: 2", "avgpool: 2", "kind maxpool -> avgpool"),
        ("adaptive_avgpool: 4", "adaptive_avgpool: [4, 2]", "size 4 -> [4, 2]"),
        ("conv: 8, kernel: 1, norm: batch", "conv: 8, kernel: 1", "norm batchnorm -> none"),
        ("dense: 8, activation: relu", "dense: 8, activation: silu", "activation relu -> silu"),
        ("conv: 8, kernel: 2, stride: 2", "conv: 8, kernel: 2", "stride 2 -> 1"),
    ],
)
def test_what_a_line_shows_is_compared_as_by_diff(old: str, new: str, change: str) -> None:
    old, new = one_layer(old), one_layer(new)
    (found,) = headlines(since_locked(old, new))
    (same,) = headlines(compare(*[convcalc.analyze(convcalc.loads(text)) for text in (old, new)]))
    assert f" changed: {change}" in found
    assert f" {change}" in same


def test_what_a_line_does_not_show_is_a_change_if_it_costs_something() -> None:
    old = "{input: [8, 16, 16], layers: [{conv: 8, kernel: 3}, {maxpool: 3, stride: 1}]}"
    assert headlines(since_locked(old, old.replace("kernel: 3}", "kernel: 3, bias: false}"))) == [
        "conv0 changed: costs differ"
    ]
    assert headlines(since_locked(old, old.replace("kernel: 3}", "kernel: 3, padding: 1}"))) == [
        "conv0 changed: output 8x14x14 -> 8x16x16"
    ]
    assert headlines(since_locked(old, old.replace("kernel: 3", "kernel: 3, bias: true"))) == []


def test_what_follows_a_change_is_no_change() -> None:
    """Though the lock does not say what a layer reads."""
    old = (
        "{input: [3, 32, 32], layers: [{conv: 8, kernel: 1}, {maxpool: 2}, {conv: 8, kernel: 3},"
        " {add: [[], [{conv: 8, kernel: 1}]]}, {concat: [[], [relu]]}, {dense: 10}]}"
    )
    for edit in (
        ("{maxpool: 2}, ", ""),
        ("{maxpool: 2}", "{maxpool: 4}"),
        ("{maxpool: 2}", "{maxpool: 2}, {maxpool: 2}"),
        ("[relu]", "[relu], [relu]"),
    ):
        (change,) = since_locked(old, old.replace(*edit)).changes
        assert change.follows
        (back,) = since_locked(old.replace(*edit), old).changes
        assert back.follows


def test_a_kind_that_only_an_older_version_had() -> None:
    report = convcalc.analyze(convcalc.loads(one_layer("conv: 8, kernel: 1")))
    locked = locked_network("", "", report, {})
    layers = {"conv0": LockedLayer("hologram 3x3 twice", (8, 16, 16), 72, 18432)}
    found = headlines(changes_since(locked._replace(layers=layers), report))
    assert found == ["conv0 changed: kind hologram -> conv"]


@given(SEEDS, SEEDS)
def test_deltas_add_up_to_the_difference_of_the_totals(one: int, other: int) -> None:
    old, new = [random_report(seed) for seed in (one, other)]
    found = changes_since(locked_network("", "", old, {}), new)
    costs = [change.delta.plus(change.delta_of_follows) for change in found.changes]
    assert sum(cost.params for cost in costs) == new.totals.params - old.totals.params
    assert sum(cost.macs for cost in costs) == new.totals.macs - old.totals.macs


def test_another_input() -> None:
    layers = (
        "[{conv: 4, kernel: 1, from: a, name: c}, {conv: 4, kernel: 1, from: b}, {add: [[], c]}]"
    )
    new = f"{{input: {{a: [3, 8, 8], b: [3, 8, 8]}}, layers: {layers}}}"
    old = f"{{input: {{a: [3, 8, 8]}}, layers: {layers.replace('from: b', 'from: a')}}}"
    assert marks_of(since_locked(old, new))[0] == ("added", "", "b")
    assert marks_of(since_locked(new, old))[0] == ("removed", "b", "")


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "name",
    [
        "googlenet",
        "unet",
        *[pytest.param(name, marks=pytest.mark.long) for name in ("resnet50", "mobilenet_v2")],
    ],
)
def test_a_lock_finds_no_other_changes_than_a_diff(name: str) -> None:
    """Of single faults: the lock may not show a change, but shows none that there is not."""
    path = shipped_path(name)
    assert path is not None
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if "extends" in text:
        text = text.replace("extends: ", f"extends: {path.rpartition('/')[0]}/")
    old = convcalc.analyze(convcalc.loads(text))
    locked = locked_network("", "", old, {})
    random, spec, compared = Random(1), Spec(text), 0
    for _ in range(50):
        fault = OPERATORS[random.choice([*OPERATORS])](spec, random)
        if fault is None:
            continue
        try:
            new = convcalc.analyze(convcalc.loads(fault.text))
        except ConvcalcError:
            continue
        compared += 1
        found = marks_of(changes_since(locked, new))
        assert set(found) <= set(marks_of(compare(old, new))), fault.what
    assert compared >= 5
