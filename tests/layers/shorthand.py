"""Shorthand for layers as a file would have them, and for the errors that they raise."""

from __future__ import annotations

import pytest

from convcalc.counts import Counts
from convcalc.graph import result_shape
from convcalc.layers import layer_class
from convcalc.layers.base import Layer, parameter_count
from convcalc.problems import RuleError
from convcalc.shapes import Shape


def made(kind: str, rank: int = 2, **values: object) -> Layer:
    """A layer with these arguments as a user writes them."""
    return layer_class(kind).read(values, rank)


def shape(layer: Layer, *inputs: Shape) -> Shape:
    """Its output shape, by all rules that a network applies."""
    return result_shape(layer, inputs)


def counts(layer: Layer, *inputs: Shape, valid_taps: bool = False) -> Counts:
    """Its counts for one sample."""
    return layer.counts(inputs, shape(layer, *inputs), valid_taps=valid_taps)


def params(layer: Layer, *inputs: Shape) -> int:
    """Its number of learned parameters."""
    return parameter_count(layer.parameters(inputs))


def refusal(layer: Layer, *inputs: Shape) -> RuleError:
    """The error for inputs that do not fit the layer."""
    with pytest.raises(RuleError) as caught:
        shape(layer, *inputs)
    return caught.value


def unreadable(kind: str, rank: int = 2, **values: object) -> RuleError:
    """The error for arguments that the kind does not take."""
    with pytest.raises(RuleError) as caught:
        made(kind, rank, **values)
    return caught.value
