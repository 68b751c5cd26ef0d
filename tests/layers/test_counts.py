"""The formulas of every kind against the counting oracle, on random layers."""

from __future__ import annotations

import pytest

from convcalc.layers import KINDS, NODE_KINDS
from convcalc.layers.base import Layer, parameter_count
from convcalc.shapes import Shape
from tests.known_kinds import KNOWN_NODE_KINDS
from tests.oracle.random_layers import GENERATORS, drawn
from tests.oracle.table import ORACLES, Observed, observe

# The kinds with windows or groups have the intricate formulas; the others have no more to vary
# than a shape.
_INTRICATE = {
    "conv": 300,
    "depthwise": 120,
    "conv_transpose": 300,
    "maxpool": 150,
    "minpool": 50,
    "avgpool": 150,
    "adaptive_maxpool": 80,
    "adaptive_avgpool": 80,
    "upsample": 120,
    "deform_conv": 80,
    "lrn": 60,
}
_OTHERS = 40


def layers_of(kind: str) -> int:
    """How many layers of a kind the normal run tries."""
    return _INTRICATE.get(kind, _OTHERS)


def predicted(layer: Layer, inputs: list[Shape], *, valid_taps: bool) -> Observed:
    """What the layer says of itself."""
    output = layer.output_shape(inputs)
    return Observed(
        output,
        parameter_count(layer.parameters(inputs)),
        parameter_count(layer.buffers(inputs)),
        layer.counts(inputs, output, valid_taps=valid_taps),
    )


def assert_agrees(kind: str, seed: str) -> None:
    """Draws a layer and holds what it says of itself against what it is seen to do."""
    layer, inputs = drawn(kind, seed)
    told = f"drawn({kind!r}, {seed!r}): {layer!r} on {inputs}"
    textbook = observe(layer, inputs)
    assert predicted(layer, inputs, valid_taps=False) == textbook, told
    valid = observe(layer, inputs, valid_taps=True)
    # A weight that only ever meets padding is learned all the same, but this run never asks for it.
    assert valid.params <= textbook.params, told
    expected = valid._replace(params=textbook.params)
    assert predicted(layer, inputs, valid_taps=True) == expected, told


def test_every_kind_has_an_oracle() -> None:
    assert set(ORACLES) == set(KNOWN_NODE_KINDS)


def test_every_kind_can_be_drawn() -> None:
    assert set(GENERATORS) == {*KINDS, *NODE_KINDS}


def test_the_normal_run_tries_two_thousand_layers() -> None:
    assert sum(layers_of(kind) for kind in KNOWN_NODE_KINDS) >= 2000


@pytest.mark.no_cover
@pytest.mark.parametrize("kind", KNOWN_NODE_KINDS)
def test_a_layer_does_what_it_says(kind: str) -> None:
    for number in range(layers_of(kind)):
        assert_agrees(kind, str(number))


@pytest.mark.long
@pytest.mark.parametrize("chunk", range(10))
@pytest.mark.parametrize("kind", KNOWN_NODE_KINDS)
def test_many_more_layers_do_what_they_say(kind: str, chunk: int) -> None:
    for number in range(layers_of(kind)):
        assert_agrees(kind, f"long {chunk} {number}")
