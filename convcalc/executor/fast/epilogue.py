"""What is fused to a convolution or dense layer: it runs on each block while that is cached."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from convcalc.executor.arrays import Array

#: Index of a block in (batch, *spatial, channels): an integer for the sample, slices for the rest.
Index = tuple[Any, ...]


class Epilogue(NamedTuple):
    """Factor, bias, residual and activation of a layer's result, in this order and in place.

    factor    each channel times this, where a normalisation is not folded into the weights
    bias      plus this, for each channel
    residual  plus this value of the result's shape, channels last
    activate  the activation, which changes a block in place
    """

    factor: Array | None = None
    bias: Array | None = None
    residual: Array | None = None
    activate: Callable[[Array], None] | None = None

    def apply(self, out: Array, index: Index) -> None:
        """Finishes the block `index` of `out`, which has its channels last.

        An index with a slice for every axis may end in a slice of the channels.
        """
        block = out[index]
        channels = index[-1] if len(index) == out.ndim else slice(None)
        if self.factor is not None:
            block *= self.factor[channels]
        if self.bias is not None:
            block += self.bias[channels]
        if self.residual is not None:
            block += self.residual[index]
        if self.activate is not None:
            self.activate(block)


def relu_in_place(block: Array) -> None:
    """max(x, 0), by `np.clip`, which takes half the time of `np.maximum`."""
    np.clip(block, 0, np.inf, out=block)


def relu6_in_place(block: Array) -> None:
    """min(max(x, 0), 6)."""
    np.clip(block, 0, 6, out=block)
