"""Changes that one edit made, as one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

import convcalc
from convcalc.checks.diff.diff import Diff, compare
from convcalc.checks.diff.hunks import hunks, single_hunks
from tests.checks.diff.networks import SEEDS, conv, growth_of, random_report, report_of

BLOCKS: dict[str, Any] = {
    "unit(c, k=3)": [
        {"add": {"main": [{"conv": "c", "kernel": "k", "padding": "same"}], "skip": []}}
    ],
    "stage(c, n)": [{"conv": "c", "kernel": 1}, {"unit": "c", "repeat": "n"}],
}


def diff_of(old: list[Any], new: list[Any], blocks: Any = None, new_blocks: Any = None) -> Diff:
    before = report_of(old, blocks=blocks or BLOCKS)
    return compare(before, report_of(new, blocks=new_blocks or blocks or BLOCKS))


def described(diff: Diff) -> list[tuple[str, str, int, int]]:
    """Each hunk: its mark, its name, how many groups and how many layers."""
    return [(one.mark, one.name, one.groups, len(one.changes)) for one in hunks(diff)]


def stages(*repeats: int) -> list[Any]:
    return [{"stage": [4 * (i + 1), n]} for i, n in enumerate(repeats)]


class TestGroups:
    def test_a_call_more(self) -> None:
        assert described(diff_of(stages(2, 2), stages(2, 3))) == [("added", "stage1.unit2", 1, 2)]

    def test_several_calls_more_in_one_place_are_one(self) -> None:
        assert described(diff_of(stages(2, 2), stages(5, 2))) == [("added", "stage0.unit2", 3, 6)]

    def test_calls_in_two_places_are_two(self) -> None:
        assert described(diff_of(stages(2, 2), stages(3, 4))) == [
            ("added", "stage0.unit2", 1, 2),
            ("added", "stage1.unit2", 2, 4),
        ]

    def test_calls_less(self) -> None:
        assert described(diff_of(stages(5, 2), stages(2, 2))) == [("removed", "stage0.unit2", 3, 6)]

    def test_a_whole_stage(self) -> None:
        assert described(diff_of(stages(2), stages(2, 3))) == [("added", "stage1", 1, 7)]

    def test_a_group_without_a_block(self) -> None:
        group = {"sequential": [conv(4), {"maxpool": 2}]}
        assert described(diff_of([conv(4)], [conv(4), group])) == [("added", "sequential0", 1, 2)]

    def test_its_place_is_the_call(self, tmp_path: Any) -> None:
        text = (
            "input: [4, 8, 8]\n"
            "blocks:\n"
            "  pair(c):\n"
            "    - {conv: c, kernel: 1}\n"
            "    - relu\n"
            "layers:\n"
            "  - {pair: 4}\n"
        )
        reports = [
            convcalc.analyze(convcalc.loads(one)) for one in (text, f"{text}  - {{pair: 5}}\n")
        ]
        (hunk,) = hunks(compare(*reports))
        assert hunk.span
        assert (hunk.span.line, hunk.name) == (8, "pair1")

    def test_a_branch_that_is_new_is_where_it_is_written(self) -> None:
        blocks = {"unit(c)": [{"add": [[], [{"conv": "c", "kernel": 1}]]}]}
        more = [{"conv": "c", "kernel": 1}, {"conv": "c", "kernel": 3, "padding": 1}]
        new_blocks = {"unit(c)": [{"add": [[], [{"conv": "c", "kernel": 1}], more]}]}
        found = diff_of([{"unit": 3}], [{"unit": 3}], blocks, new_blocks)
        assert described(found)[0] == ("added", "unit0.add0.branch2", 1, 2)
        hunk = hunks(found)[0]
        assert hunk.span == hunk.changes[0].layer.span


class TestAlike:
    def test_one_line_of_a_block(self) -> None:
        new_blocks = {"unit(c, k=5)": BLOCKS["unit(c, k=3)"], "stage(c, n)": BLOCKS["stage(c, n)"]}
        found = diff_of(stages(2, 3), stages(2, 3), new_blocks=new_blocks)
        assert described(found) == [("changed", "stage0.unit0.add0.main.conv0", 0, 5)]
        (hunk,) = hunks(found)
        assert hunk.delta.params == growth_of(found)

    def test_two_lines_stay_two(self) -> None:
        old = [conv(4), conv(5), {"dense": 3}]
        new = [conv(4, kernel=5, padding=2), conv(5, kernel=5, padding=2), {"dense": 3}]
        reports = [convcalc.analyze(convcalc.loads(_lines(one))) for one in (old, new)]
        assert len(hunks(compare(*reports))) == 2

    def test_very_many_lines_with_the_same_change_are_one(self) -> None:
        old, new = [[conv(4, bias=bias) for _ in range(30)] for bias in (True, False)]
        reports = [convcalc.analyze(convcalc.loads(_lines(one))) for one in (old, new)]
        assert described(compare(*reports)) == [("changed", "conv0", 0, 30)]

    def test_a_group_around_everything(self) -> None:
        old = [conv(4), conv(5), {"relu": {}}]
        found = diff_of(old, [{"sequential": old, "name": "body"}])
        assert described(found) == [("renamed", "body.conv0", 0, 3)]


def _lines(layers: list[Any]) -> str:
    """A spec with a line for each layer."""
    return "input: [3, 8, 8]\nlayers:\n" + "".join(f"  - {layer}\n" for layer in layers).replace(
        "True", "true"
    ).replace("False", "false")


@given(SEEDS, SEEDS)
def test_every_change_is_in_one_hunk(one: int, other: int) -> None:
    reports = [random_report(seed) for seed in (one, other)]
    diff = compare(*reports)
    for found in (hunks(diff), single_hunks(diff)):
        changes = [change for hunk in found for change in hunk.changes]
        assert len(changes) == len(diff.changes)
        assert {id(change) for change in changes} == {id(change) for change in diff.changes}
        params = sum(p.delta.params + p.delta_of_follows.params for p in found)
        assert params == growth_of(diff)
        assert sum(len(hunk.follows) for hunk in found) == sum(
            len(change.follows) for change in diff.changes
        )


@pytest.mark.parametrize("names", [("resnet18", "resnet34"), ("resnet50", "resnet101")])
def test_deeper_networks_are_a_few_lines(names: tuple[str, str]) -> None:
    """A hundred layers more are one line for each stage that has grown."""
    diff = compare(*[convcalc.analyze(convcalc.load(name)) for name in names])
    assert {hunk.mark for hunk in hunks(diff)} == {"added"}
    assert len(hunks(diff)) <= 4
    assert sum(len(hunk.changes) for hunk in hunks(diff)) >= 24
