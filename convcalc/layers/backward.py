"""What a kind says of training: its backward pass, and what that needs of the forward pass."""

from __future__ import annotations

from typing import NamedTuple

from convcalc.counts import NOTHING, Counts


class Backward(NamedTuple):
    """Scalar operations of one layer's backward pass on a batch, in three parts.

    weights  the gradient with respect to the learned arrays, biases aside
    bias     the gradient with respect to the biases
    input    the gradient with respect to the inputs; computed last, from what the others left
    """

    weights: Counts = NOTHING
    bias: Counts = NOTHING
    input: Counts = NOTHING


class Kept(NamedTuple):
    """What a layer keeps of its forward pass on a batch until its backward pass has run.

    inputs      which of its inputs, by their place
    output      whether its output
    numbers     further numbers, of the activations' type
    statistics  further numbers that are float32 whatever the activations are
    flags       truth values, a byte each
    indices     places of elements, 8 bytes each
    """

    inputs: tuple[int, ...] = ()
    output: bool = False
    numbers: int = 0
    statistics: int = 0
    flags: int = 0
    indices: int = 0
