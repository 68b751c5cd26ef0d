"""The arena and the flash of TensorFlow Lite Micro."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import convcalc
from convcalc.analysis.memory import tflm
from convcalc.analysis.memory.tflm import ALIGNMENT, Plan, flash, plan
from convcalc.graph import Network
from convcalc.language.shipped import shipped_names
from tests.shipped import shipped


def planned(layers: str, size: str = "[8, 8, 8]", dtype: str = "int8") -> Plan:
    return plan(convcalc.loads(f"{{input: {size}, layers: [{layers}]}}"), dtype)


def sizes(found: Plan) -> list[int]:
    return [tensor.bytes for tensor in found.tensors]


def check_planned(found: Plan) -> None:
    """What the planner promises, from its definition."""
    tensors = found.tensors
    for one, other in combinations(tensors, 2):
        together = one.first <= other.last and other.first <= one.last
        apart = one.offset + one.bytes <= other.offset or other.offset + other.bytes <= one.offset
        assert apart or not together
    order = sorted(range(len(tensors)), key=lambda number: (-tensors[number].bytes, -number))
    for place, number in enumerate(order):
        mine = tensors[number]
        assert mine.bytes % ALIGNMENT == mine.offset % ALIGNMENT == 0
        larger = [
            other
            for other in (tensors[before] for before in order[:place])
            if mine.first <= other.last and other.first <= mine.last
        ]
        # The lowest place that is free is at 0 or at the end of another.
        free = [
            start
            for start in [0, *[other.offset + other.bytes for other in larger]]
            if all(
                start + mine.bytes <= other.offset or other.offset + other.bytes <= start
                for other in larger
            )
        ]
        assert mine.offset == min(free)
    assert found.size == max([one.offset + one.bytes for one in tensors], default=0)


class TestOperations:
    """Sizes in bytes of int8; the input has 512."""

    @pytest.mark.parametrize(
        ("layers", "made"),
        [
            ("{conv: 4, kernel: 3, norm: batch, activation: relu}", [512, 144]),
            ("{conv: 4, kernel: 3, activation: silu}", [512, 144, 144]),
            ("{conv: 4, kernel: 3}, relu, relu", [512, 144, 144]),
            ("batchnorm, {conv: 4, kernel: 3}", [512, 512, 144]),
            ("{conv: 4, kernel: 3}, {maxpool: 2}, relu6", [512, 144, 48]),
            ("flatten, {dense: 10}", [512, 512, 16]),
            ("{dropout: 0.5}, {conv: 4, kernel: 1}", [512, 256]),
            ("{maxpool: 2}, sigmoid", [512, 128, 128]),
            ("{add: {main: [{conv: 8, kernel: 1}], skip: []}}, relu", [512] * 3),
        ],
    )
    def test_what_is_folded_and_what_is_not(self, layers: str, made: list[int]) -> None:
        assert sizes(planned(layers)) == made

    def test_a_value_that_is_used_before_its_activation_is_kept(self) -> None:
        skip = "{add: {main: [], skip: [{identity: , from: a}]}}"
        assert sizes(planned(f"{{conv: 8, kernel: 1, name: a}}, relu, {skip}")) == [512] * 4

    @pytest.mark.parametrize(
        ("window", "padded"),
        [
            ("kernel: 3, padding: 1", False),  # as "same" pads
            ("kernel: 3, padding: same, stride: 2", False),
            ("kernel: 3", False),
            ("kernel: 3, padding: 1, stride: 2", True),  # "same" pads an even size at the end alone
            ("kernel: 5, padding: 1", True),
            ("kernel: 1, padding: 1", True),
        ],
    )
    def test_padding_that_is_not_tflites_own_is_an_operation(
        self, window: str, padded: bool
    ) -> None:
        made = sizes(planned(f"{{conv: 8, {window}}}"))
        assert len(made) == 2 + padded
        if padded:
            assert made[1] == 8 * 10 * 10

    def test_sizes_are_multiples_of_sixteen(self) -> None:
        assert sizes(planned("{dense: 3}", "[5]")) == [16, 16]
        assert sizes(planned("{dense: 3}", "[5]", "float32")) == [32, 16]

    def test_inputs_are_there_at_the_start_and_results_to_the_end(self) -> None:
        found = planned("{conv: 4, kernel: 3}, {conv: 4, kernel: 3}")
        image, first, last = found.tensors
        assert (image.first, image.last) == (0, 1)
        assert (first.first, first.last) == (1, 2)
        assert (last.first, last.last) == (2, 2)


@pytest.mark.no_cover
@pytest.mark.parametrize("name", shipped_names())
def test_shipped_networks_are_planned_as_the_planner_does(name: str) -> None:
    network = shipped(name)
    if len(network.nodes) > 700:
        pytest.skip("pairs of very many tensors")
    check_planned(plan(network, "int8"))


@pytest.mark.no_cover
@pytest.mark.parametrize("name", shipped_names())
def test_no_arena_is_below_what_is_alive_in_place(name: str) -> None:
    """A sweep leaves out points by it."""
    analysis = convcalc.Analysis(shipped(name))
    for dtype in ("int8", "float32"):
        least = convcalc.measure(analysis, "peak_in_place", dtype)
        assert convcalc.measure(analysis, "tflm_arena", dtype) >= least


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Chains with branches, of layers that are folded and of such that are not."""
    kinds = [
        *("{conv: 5, kernel: 3, padding: 1}", "{conv: 3, kernel: 3, padding: 1, stride: 2}"),
        *("relu", "batchnorm", "sigmoid", "{maxpool: 2}", "{dropout: 0.1}", "relu6"),
        "{add: {main: [{conv: 7, kernel: 1}, relu], skip: [{conv: 7, kernel: 1}]}}",
        "{concat: {one: [], other: [{conv: 4, kernel: 1}, sigmoid]}}",
    ]
    layers: Sequence[str] = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=8))
    side = draw(st.integers(256, 300))  # eight layers may halve it
    return convcalc.loads(f"{{input: [3, {side}, {side}], layers: [{', '.join(layers)}]}}")


@settings(max_examples=60, deadline=None)
@given(networks(), st.sampled_from(["int8", "float16", "float32"]), st.integers(1, 3))
def test_any_network_is_planned_as_the_planner_does(
    network: Network, dtype: str, batch: int
) -> None:
    found = plan(network, dtype, batch)
    check_planned(found)
    analysis = convcalc.Analysis(network, batch=batch)
    assert found.size >= convcalc.measure(analysis, "peak_in_place", dtype)
    assert sum(one.bytes for one in found.fullest()) <= found.size


def test_too_many_tensors_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tflm, "MOST_PAIRS", 2)
    planned("{conv: 4, kernel: 3}, {conv: 4, kernel: 3}")
    with pytest.raises(convcalc.ConvcalcError) as caught:
        planned("{conv: 4, kernel: 3}, {conv: 4, kernel: 3}, {conv: 4, kernel: 3}")
    (problem,) = caught.value.problems
    assert problem.code == "too-many-tensors"
    assert problem.span is not None


class TestFlash:
    def bytes(self, layers: str, dtype: str) -> int:
        network = convcalc.loads(f"{{input: [8, 8, 8], layers: [{layers}]}}")
        return sum(flash(network, dtype).values())

    @pytest.mark.parametrize(
        ("layers", "weights", "biases"),
        [
            ("{conv: 4, kernel: 3}", 4 * 8 * 9, 4),
            ("{conv: 4, kernel: 3, bias: false}", 4 * 8 * 9, 0),
            ("{conv: 4, kernel: 3, bias: false, norm: batch}", 4 * 8 * 9, 4),  # a folded norm's
            ("{conv: 4, kernel: 3, norm: batch, activation: relu}", 4 * 8 * 9, 4),
            ("flatten, {dense: 10}", 512 * 10, 10),
            ("batchnorm", 2 * 8, 0),  # a factor and an offset
            ("{maxpool: 2}", 0, 0),
        ],
    )
    def test_biases_of_int8_have_four_bytes(self, layers: str, weights: int, biases: int) -> None:
        assert self.bytes(layers, "int8") == weights + 4 * biases
        assert self.bytes(layers, "float16") == 2 * (weights + biases)
        assert self.bytes(layers, "float32") == 4 * (weights + biases)

    def test_shared_weights_are_there_once(self) -> None:
        twice = "{conv: 8, kernel: 1, name: a}, {conv: 8, kernel: 1, share: a}"
        assert self.bytes(twice, "int8") == self.bytes("{conv: 8, kernel: 1}", "int8")
