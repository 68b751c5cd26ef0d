"""Receptive fields of units that are those of several layers, one after the other on an axis."""

from __future__ import annotations

from random import Random

import pytest

import convcalc
from convcalc.analysis.field.fields import fields, unit_field
from convcalc.arithmetic import Ratio
from tests.analysis.field.probing import hold_the_report, probed
from tests.analysis.field.test_fields import last, network, seen
from tests.quick import each_seed


def test_each_unit_has_the_field_of_its_branch() -> None:
    built = network("{concat: [[{conv: 2, kernel: 3, padding: 1}], []], axis: 1}")
    concat = next(i for i, node in enumerate(built.nodes) if node.path == "concat0")
    ends = [unit_field(built, concat, (y,)) for y in (0, 5, 15, 16, 31)]
    assert [found.inputs[0] for found in ends] == [
        ((0, 1),),
        ((4, 6),),
        ((14, 15),),
        ((0, 0),),
        ((15, 15),),
    ]
    # No padding takes part where a unit reads the other branch.
    assert [found.cut for found in ends] == [True, False, True, False, False]
    axis = fields(built)["concat0"].axes["input"][0]
    assert (axis.size, axis.stride, axis.uneven, axis.at_most) == (3, None, True, False)


def test_what_was_cut_apart_and_joined_again_is_as_before() -> None:
    halves = "{conv: 2, kernel: 3, padding: 1}, {concat: [[{crop: [[0, 9]]}], [{crop: [[7, 0]]}]]"
    whole = last("{conv: 2, kernel: 3, padding: 1}")
    assert last(f"{halves}, axis: 1}}") == whole
    assert last(f"{halves}, axis: 1}}, {{conv: 1, kernel: 3}}")[:3] == (5, Ratio.of(1), -1)


@pytest.mark.parametrize(
    ("branch", "before"),
    [
        ("{upsample: 2}", ""),
        ("{upsample: 2}, {conv: 2, kernel: 3}", ""),
        ("relu", "{concat: [[{conv: 2, kernel: 3, padding: 1}], []], axis: 1}, "),
    ],
)
def test_branches_that_see_the_same_begin_anew(branch: str, before: str) -> None:
    """Those whose units differ, as every second one, or each, does."""
    again = f"{before}{{concat: [[{branch}], [{branch}]], axis: 1}}"
    built = network(f"{again}, {{conv: 2, kernel: 3}}", "[2, 4]")
    report = fields(built)
    for node in built.operations:
        for y in range(node.shape[1]):
            hold_the_report(report, built, node, (y,))
            for what, expected, found in probed(built, node, (y,)):
                assert found == expected, f"{node.path} at {y} and {what}"
    middle = built.nodes[-2].shape[1] // 2 - 1
    (ends,) = unit_field(built, len(built.nodes) - 1, (middle,)).inputs[0]
    assert ends == (0, 3)


def test_branches_in_turn_are_never_misaligned() -> None:
    found, _ = seen("{concat: [[{maxpool: 2}], [{conv: 2, kernel: 3}]], axis: 1}")
    assert not found.misaligned


def test_columns_below_one_another_may_be_misaligned() -> None:
    wider = "[{conv: 2, kernel: 3, stride: 2, padding: [1, [0, 1]]}]"
    layers = f"{{concat: [[{{maxpool: 1, stride: 2}}], {wider}], axis: 1}}"
    found, _ = seen(layers, "[2, 8, 8]")
    assert [(one.axis, one.node.path) for one in found.misaligned] == [(1, "concat0")]


def test_columns_that_differ_from_branch_to_branch_show_the_largest() -> None:
    layers = "{concat: [[{conv: 2, kernel: [1, 5], padding: [0, 2]}], []], axis: 1}"
    found, _ = seen(layers, "[2, 8, 8]")
    height, width = found["concat0"].axes["input"]
    assert (height.size, height.uneven, height.at_most) == (1, True, False)
    assert (width.size, width.stride, width.at_most) == (5, None, True)


def test_more_units_than_are_listed() -> None:
    found = last("{concat: [[{conv: 2, kernel: 3, padding: 1}], []], axis: 1}", "[2, 20000]")
    assert (found.size, found.stride, found.at_most) == (3, None, True)
    found = last("{concat: [[relu], []], axis: 1}", "[2, 20000]")
    assert (found.size, found.stride, found.at_most) == (1, None, False)


def test_a_branch_that_sees_everything_beside_one_that_does_not() -> None:
    layers = "{concat: [[global_avgpool], []], axis: 1}"
    axis = last(layers)
    assert (axis.size, axis.uneven, axis.at_most) == (16, True, False)
    assert last(f"{layers}, {{slice: [0, 1], axis: 1}}").size == 16
    assert last(f"{layers}, {{slice: [1, 17], axis: 1}}").size == 1


def test_one_channel_beside_many_is_seen_by_all_of_them() -> None:
    layers = "{concat: [[], [{conv: 2, kernel: 5, padding: 2}]]}, "
    gate = "{mul: [[], [{slice: [0, 1]}, {conv: 1, kernel: 3, padding: 1}]]}"
    sizes = [last(f"{layers}{gate}, {{slice: [{c}, {c + 1}]}}").size for c in range(4)]
    assert sizes == [3, 3, 5, 5]


def test_every_second_position() -> None:
    found = last("{slice: [1, 16], axis: 1, step: 3}")
    assert found[:4] == (1, Ratio.of(3), 1, Ratio.of(1))
    found = last("{slice: [0, 16], axis: 1, step: 2}, {conv: 1, kernel: 3}")
    assert found[:3] == (5, Ratio.of(2), 0)


#: Pieces of a map whose two axes differ, to be joined along an axis or after one another.
PIECES = (
    "{conv: 2, kernel: 3, padding: 1}",
    "{maxpool: [1, 3], stride: 1, padding: [0, 1]}",
    "{concat: [[], [{conv: 2, kernel: 3, padding: 1}]], axis: AXIS}",
    "{concat: [[{slice: [0, 1], axis: 1}], [global_avgpool, {upsample: {size: [1, 5]}}]], axis: 1}",
    "{slice: [1, 4], axis: AXIS}",
    "{slice: [0, 4], axis: AXIS, step: 2}",
    "{mul: [[], [{conv: 1, kernel: [3, 1], padding: [1, 0]}]]}",
    "{sub: [[], [{avgpool: 3, stride: 1, padding: 1}]]}",
    "{concat: [[], [{conv: 2, kernel: 5, padding: 2}]]}, {slice: [1, 3]}",
    "{upsample: [2, 1]}",
    "{concat: [[], []], axis: AXIS}",
)


@pytest.mark.no_cover
@each_seed(15, 60)
def test_a_unit_depends_on_its_field_and_on_nothing_else(seed: int) -> None:
    rng = Random(seed)
    pieces = [rng.choice(PIECES).replace("AXIS", rng.choice("12")) for _ in range(3)]
    try:
        built = network(", ".join(pieces), "[2, 4, 5]")
    except convcalc.ConvcalcError:
        return  # a slice beyond what is left
    report = fields(built)
    for node in built.operations:
        for place in {tuple([rng.randrange(n) for n in node.shape[1:]]) for _ in range(3)}:
            hold_the_report(report, built, node, place)
            for what, expected, found in probed(built, node, place):
                assert found == expected, f"{pieces}: {node.path} at {place} and {what}"
