"""What kinds declare about channels, places and views, seen by following values through a run."""

from __future__ import annotations

import pytest

from convcalc.layers import layer_class
from convcalc.layers.base import Layer
from convcalc.layers.traits import ChannelRule
from convcalc.shapes import Shape, elements
from tests.known_kinds import KNOWN_NODE_KINDS
from tests.oracle.counting import Number, Run, Tensor, plain
from tests.oracle.random_layers import drawn
from tests.oracle.table import ORACLES
from tests.oracle.windows import everywhere, shape_of

# These only move values: a value that says where it comes from still says so at the end.
MOVERS = ["identity", "dropout", "flatten", "reshape", "transpose", "pad", "crop", "pixel_shuffle"]
MOVERS += [
    "pixel_unshuffle",
    "stochastic_depth",
    "channel_shuffle",
    "slice",
    "gather",
    "broadcast",
    "concat",
]
LAYERS = 40


def run(layer: Layer, tensors: list[Tensor]) -> Tensor:
    """The output, with the same weights each time."""
    result: Tensor = ORACLES[layer.kind](layer, tensors, Run(1, valid_taps=False))
    return result


def numbered_channels(shapes: list[Shape]) -> list[Tensor]:
    """Inputs whose values are their channel's number, counted on from one input to the next."""
    tally = Run(0, valid_taps=False).tally
    tensors, taken = [], 0
    for shape in shapes:
        indices = everywhere(shape)
        tensors.append({index: Number(taken + index[0], tally) for index in indices})
        taken += shape[0]
    return tensors


def promised(rule: ChannelRule, shapes: list[Shape]) -> dict[int, set[int]]:
    """The input channels that each output channel holds, as the rule says it."""
    channels = sum(shape[0] for shape in shapes)
    ins = list(range(channels))
    if rule.relation == "tied":
        each = shapes[0][0]
        return {c: {*ins[c::each]} for c in range(each)}
    if rule.relation in {"same", "joined"}:
        return {c: {c} for c in ins}
    if rule.relation == "sliced":
        return {new: {old} for new, old in enumerate(ins[rule.start : rule.stop])}
    if rule.relation == "spread":
        spread = [c for c in ins for _ in range(rule.factor)]
        return {new: {old} for new, old in enumerate(spread)}
    if rule.relation == "gathered":
        starts = ins[:: rule.factor]
        return {new: set(ins[start : start + rule.factor]) for new, start in enumerate(starts)}
    assert rule.relation == "shuffled"
    size = channels // rule.groups
    dealt = [c for first in range(size) for c in ins[first::size]]
    return {new: {old} for new, old in enumerate(dealt)}


@pytest.mark.parametrize("kind", MOVERS)
def test_output_channels_hold_the_input_channels_that_the_rule_names(kind: str) -> None:
    seen_rules = set()
    for number in range(LAYERS):
        layer, shapes = drawn(kind, f"rule {number}")
        if kind == "pad":
            layer = layer.replace(value=0.0)
        rule = layer.channel_rule(shapes)
        seen_rules.add(rule.relation)
        if rule.relation == "fixed":
            continue
        held: dict[int, set[int]] = {}
        for index, value in run(layer, numbered_channels(shapes)).items():
            held.setdefault(index[0], set()).add(int(plain(value)))
        if kind == "pad":
            # What is added says 0, which is also the first channel's number.
            held = {channel: values - ({0} - {channel}) for channel, values in held.items()}
        assert held == promised(rule, shapes), f"{layer!r} on {shapes}"
    assert seen_rules - {"fixed"}


@pytest.mark.parametrize("kind", KNOWN_NODE_KINDS)
def test_the_rule_gives_the_number_of_output_channels(kind: str) -> None:
    for number in range(LAYERS):
        layer, shapes = drawn(kind, f"channels {number}")
        rule = layer.channel_rule(shapes)
        out = layer.output_shape(shapes)[0]
        first = shapes[rule.source][0]
        if rule.relation in {"free", "own"}:
            assert first % rule.groups == out % rule.groups == 0
        elif rule.relation == "compared":
            assert {shape[0] for shape in shapes} == {first}
            assert first % rule.groups == 0
            assert out % rule.groups == 0
        elif rule.relation == "tied":
            # One channel may go with many.
            assert {shape[0] for shape in shapes} - {1} == {out} - {1}
        elif rule.relation == "spread":
            assert out == first * rule.factor
        elif rule.relation == "gathered":
            assert out * rule.factor == first
        elif rule.relation == "sliced":
            assert out == rule.stop - rule.start
        elif rule.relation == "constant":
            wider = [(2 * shape[0], *shape[1:]) for shape in shapes]
            assert layer.output_shape(wider)[0] == out
        elif rule.relation == "joined":
            assert out == sum(shape[0] for shape in shapes)
        elif rule.relation != "fixed":
            assert out == first
            assert first % rule.groups == 0


@pytest.mark.parametrize("kind", KNOWN_NODE_KINDS)
def test_a_layer_with_other_channels_puts_them_out(kind: str) -> None:
    for number in range(LAYERS):
        layer, shapes = drawn(kind, f"doubled {number}")
        rule = layer.channel_rule(shapes)
        out = layer.output_shape(shapes)
        if rule.relation in {"free", "own"}:
            # Only the output changes, the input's channels stay.
            changed = layer.with_channels(rule, 2 * out[0], 0)
            assert changed.output_shape(shapes) == (2 * out[0], *out[1:])
        elif rule.relation == "compared":
            doubled = [(2 * shape[0], *shape[1:]) for shape in shapes]
            assert layer.with_channels(rule, out[0], 0).output_shape(doubled) == out
        elif rule.relation not in {"fixed", "sliced", "constant"}:
            # One channel that goes with many stays one.
            stays = rule.relation == "tied" and out[0] > 1
            doubled = [
                shape if stays and shape[0] == 1 else (2 * shape[0], *shape[1:]) for shape in shapes
            ]
            changed = layer.with_channels(rule, 2 * out[0], 0)
            assert changed.output_shape(doubled) == (2 * out[0], *out[1:])
        elif rule.relation == "sliced":
            doubled = [(2 * shape[0], *shape[1:]) for shape in shapes]
            changed = layer.with_channels(rule, 2 * out[0], 2 * rule.start)
            assert changed.channel_rule(doubled).start == 2 * rule.start
            assert changed.output_shape(doubled) == (2 * out[0], *out[1:])


def _elementwise() -> list[str]:
    return [kind for kind in KNOWN_NODE_KINDS if layer_class(kind).elementwise]


@pytest.mark.parametrize("kind", _elementwise())
def test_an_elementwise_kind_looks_at_one_place_only(kind: str) -> None:
    for number in range(LAYERS):
        layer, shapes = drawn(kind, f"place {number}")
        shape = layer.output_shape(shapes)
        # An input of the output's shape can be written over by it.
        whole = [i for i, own in enumerate(shapes) if own == shape]
        if not whole:
            continue
        source = Run(number, valid_taps=False)
        tensors = [{index: source.number() for index in everywhere(own)} for own in shapes]
        before = run(layer, tensors)
        changed = list(before)[number % len(before)]
        tensors[whole[0]] = {**tensors[whole[0]], changed: source.number()}
        after = run(layer, tensors)
        # By their texts, because what is not a number is not equal to itself.
        assert {i for i in before if repr(before[i].value) != repr(after[i].value)} <= {changed}


@pytest.mark.parametrize("kind", [kind for kind in KNOWN_NODE_KINDS if layer_class(kind).view])
def test_a_view_holds_the_same_values_in_the_same_order(kind: str) -> None:
    for number in range(LAYERS):
        layer, shapes = drawn(kind, f"view {number}")
        source = Run(number, valid_taps=False)
        (tensor,) = [{index: source.number() for index in everywhere(shape)} for shape in shapes]
        result = run(layer, [tensor])
        assert elements(shape_of(result)) == elements(shapes[0])
        assert [result[i] for i in everywhere(shape_of(result))] == list(tensor.values())
