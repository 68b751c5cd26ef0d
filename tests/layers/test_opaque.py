"""Operations without a rule: any inputs, the given shape, a cost that is unknown and never 0."""

from __future__ import annotations

import pytest

from convcalc.analysis.costs.report import analyze
from convcalc.graph import GraphBuilder, Network
from convcalc.layers.convolution import Conv
from convcalc.layers.opaque import Opaque, operation_name
from convcalc.problems import RuleError

BOXES = Opaque(op="NonMaxSuppression", shape=(100, 4))


def detector(boxes: Opaque = BOXES) -> Network:
    """A convolution, an operation that reads its result and the input, and one that reads none."""
    builder = GraphBuilder()
    image = builder.input("image", (3, 8, 8))
    conv = builder.add(Conv.read({"channels": 4, "kernel": 3}, rank=2), [image])
    noise = builder.add(Opaque(op="RandomNormal", shape=(7,), params=0), [])
    found = builder.add(boxes, [conv, image, noise])
    return builder.network("detector", {"boxes": found})


class TestItself:
    @pytest.mark.parametrize("inputs", [[], [(3,)], [(3, 8, 8), (7,), (1, 2, 3, 4)]])
    def test_takes_any_inputs_and_has_the_given_shape(self, inputs: list[tuple[int, ...]]) -> None:
        BOXES.check_inputs(inputs)
        assert BOXES.output_shape(inputs) == (100, 4)

    def test_is_called_by_its_operation(self) -> None:
        assert BOXES.summary() == "opaque NonMaxSuppression"

    @pytest.mark.parametrize("name", ["", "1x", "a b", "a\n", "a" * 101, "é", 3])
    def test_refuses_what_is_no_name_of_an_operation(self, name: object) -> None:
        with pytest.raises(RuleError, match="op must be a name of at most 100 letters"):
            Opaque.read({"op": name, "shape": [1]}, rank=2)

    @pytest.mark.parametrize("name", ["", "1x", "a b", "\x1b[2J", "a" * 300, "domain::Op", "é"])
    def test_makes_a_name_of_any_text(self, name: str) -> None:
        made = operation_name(name)
        assert Opaque.read({"op": made, "shape": [1]}, rank=2).op == made

    def test_may_know_what_it_learns(self) -> None:
        assert not Opaque(op="Attention", shape=(4,), params=12).unlisted
        assert BOXES.unlisted


class TestReport:
    def test_names_what_is_unknown(self) -> None:
        report = analyze(detector())
        assert not report.complete
        assert report.unknown == [("opaque0", "RandomNormal"), ("opaque1", "NonMaxSuppression")]

    def test_has_no_counts_of_it(self) -> None:
        conv, noise, boxes = analyze(detector()).layers
        assert conv.counts == conv.cost.counts
        assert noise.counts is boxes.counts is None
        assert (noise.cost.known("params"), boxes.cost.known("params")) == (0, None)
        assert noise.cost.known("macs") is boxes.cost.known("macs") is None

    def test_sums_what_is_known(self) -> None:
        report = analyze(detector(Opaque(op="Attention", shape=(4,), params=12)))
        conv = report.layers[0].cost
        assert report.totals == conv._replace(params=conv.params + 12, unknown=2)

    def test_is_complete_without_one(self) -> None:
        builder = GraphBuilder()
        image = builder.input("image", (3, 8, 8))
        conv = builder.add(Conv.read({"channels": 4, "kernel": 3}, rank=2), [image])
        report = analyze(builder.network("plain", {"conv": conv}))
        assert report.complete
        assert report.unknown == []
