"""What every kind says of its training step against the backward oracle, on random layers."""

from __future__ import annotations

from math import isclose
from random import Random

import pytest

from convcalc.layers.base import Layer
from convcalc.shapes import Shape
from tests.known_kinds import KNOWN_NODE_KINDS
from tests.oracle.backward import BACKWARD, Experiment, Trained
from tests.oracle.random_layers import drawn

# The kinds with windows have the intricate formulas.
_INTRICATE = {
    "conv": 40,
    "depthwise": 20,
    "conv_transpose": 40,
    "upsample": 30,
    "deform_conv": 30,
    "mul": 25,
    "matmul": 25,
}
_OTHERS = 15


def layers_of(kind: str) -> int:
    """How many layers of a kind the normal run tries."""
    return _INTRICATE.get(kind, _OTHERS)


def experiment(kind: str, seed: str) -> Experiment:
    """A random layer on a random batch; of a join's branches some may want no gradient."""
    layer, shapes = drawn(kind, f"backward {seed}")
    rng = Random(f"backward {kind} {seed}")
    batch = rng.choice([1, 1, 2, 3])
    wanted = [rng.random() < 0.8 for _ in shapes]
    if not layer.parameters(shapes) and not any(wanted):
        # Then no gradient comes to this layer at all.
        wanted[rng.randrange(len(wanted))] = True
    return Experiment(layer, shapes, batch, wanted, f"{kind} {seed}")


def predicted(layer: Layer, shapes: list[Shape], wanted: list[bool], batch: int) -> Trained:
    """What the layer says of itself."""
    output = layer.output_shape(shapes)
    return Trained(
        layer.training_counts(shapes, output, batch=batch),
        layer.backward_counts(shapes, output, wanted=wanted, batch=batch),
        layer.kept(shapes, output, wanted=wanted, batch=batch),
    )


def assert_agrees(kind: str, seed: str) -> None:
    """Holds what a layer says of its training step against what it is seen to do."""
    tried = experiment(kind, seed)
    layer, step = tried.layer, tried.step
    shapes = [tuple(1 + max(axis) for axis in zip(*x, strict=True)) for x in step.samples[0]]
    told = f"{kind!r}, {seed!r}: {layer!r} on {shapes} x{len(step.samples)}, wanted {step.wanted}"
    seen = tried.observe()
    assert predicted(layer, shapes, list(step.wanted), len(step.samples)) == seen, told
    for what, by_gradient, by_difference in tried.slopes():
        assert isclose(by_gradient, by_difference, rel_tol=1e-4, abs_tol=1e-6), f"{told}: {what}"


def test_every_kind_has_a_backward_oracle() -> None:
    assert set(BACKWARD) == set(KNOWN_NODE_KINDS)


@pytest.mark.no_cover
@pytest.mark.parametrize("kind", KNOWN_NODE_KINDS)
def test_a_layer_trains_as_it_says(kind: str) -> None:
    for number in range(layers_of(kind)):
        assert_agrees(kind, str(number))


@pytest.mark.long
@pytest.mark.parametrize("chunk", range(30))
@pytest.mark.parametrize("kind", KNOWN_NODE_KINDS)
def test_many_more_layers_train_as_they_say(kind: str, chunk: int) -> None:
    for number in range(layers_of(kind)):
        assert_agrees(kind, f"long {chunk} {number}")
