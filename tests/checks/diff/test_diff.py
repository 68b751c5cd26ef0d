"""The difference of two networks, apart from that of their layers: whether their results differ."""

from __future__ import annotations

from convcalc.checks.diff.diff import compare
from tests.checks.diff.networks import Layers, conv, diff_of, marks_of, report_of

#: Three layers and a sum.
OLD: Layers = [conv(4, name="a"), conv(4, name="b"), conv(4, name="c"), {"add": [[], "a"]}]


def test_a_result_more() -> None:
    old, new = [report_of(OLD[:3], outputs=outputs) for outputs in (["c"], ["b", "c"])]
    assert compare(old, new)
    assert compare(old, new).changes == []


def test_another_result_of_the_same_shape() -> None:
    layers = [*OLD[:3], conv(4, name="d", **{"from": "b"})]
    both = [report_of(layers, outputs=outputs) for outputs in (["a", "c", "d"], ["b", "c", "d"])]
    assert compare(*both).results
    assert compare(*both).changes == []
    assert not compare(both[0], both[0])


def test_a_last_layer_more_is_the_change_and_not_its_result() -> None:
    found = diff_of(OLD[:3], [*OLD[:3], {"relu": {}}])
    assert marks_of(found) == [("added", "", "relu0")]
    assert not found.results
