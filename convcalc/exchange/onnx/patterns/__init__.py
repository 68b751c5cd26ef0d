"""Several operations that are one layer: each module finds those of one sort."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from convcalc.exchange.onnx.patterns import (
    activations,
    attention,
    norms,
    products,
    shuffles,
    unpooling,
)
from convcalc.exchange.onnx.values import Op

#: What may end at an operation of each type, in the order in which it is tried. A function that
#: finds its pattern changes the operation to what the pattern is, and says so.
_ENDING: dict[str, tuple[Callable[[Op], bool], ...]] = {
    "Add": (norms.shifted, products.with_bias, norms.global_response_norm),
    "Clip": (activations.hard_sigmoid_clipped,),
    "Div": (
        activations.hard_sigmoid,
        activations.hard_swish,
        activations.softmax,
        norms.layer_norm,
        norms.rms_norm,
        norms.l2_norm,
    ),
    "Log": (activations.softplus,),
    "MatMul": (attention.attention,),
    "MaxUnpool": (unpooling.unpool,),
    "Mul": (
        activations.silu,
        activations.mish,
        activations.gelu,
        activations.hard_sigmoid,
        activations.hard_swish,
        norms.layer_norm,
        norms.rms_norm,
        norms.scaled,
    ),
    "Reshape": (norms.group_norm, shuffles.channel_shuffle, shuffles.pixel_shuffle),
}


def find_patterns(ops: Iterable[Op]) -> None:
    """Changes operations that end a pattern; those that only it reads are read no more."""
    for op in ops:
        for ends in _ENDING.get(op.type, ()):
            if ends(op):
                break
