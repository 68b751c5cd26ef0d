"""Dense and recurrent layers as operators of ONNX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from convcalc.exchange.write.counterparts import NoCounterpart
from convcalc.exchange.write.onnx.case import (
    Case,
    Translation,
    channels_first,
    channels_last,
    sliced,
)
from convcalc.exchange.write.onnx.graph import Array
from convcalc.exchange.write.onnx.windows import pads, settled

#: The most slices that one layer becomes.
_MOST_SLICES = 1000


def _dense(layer: Any, case: Case) -> str:
    if not (layer.positionwise and case.rank):
        flat = case.graph.add("Flatten", case.input, axis=1) if case.rank else case.input
        return case.graph.add("Gemm", flat, *case.arrays("weight", "bias"), transB=1)
    if case.rank <= 3:
        kernel = case.shaped("weight", [layer.units, case.shape[1], *[1] * case.rank])
        return case.graph.add(
            "Conv", case.input, kernel, *case.arrays("bias"), kernel_shape=[1] * case.rank
        )
    turned = case.graph.add("Transpose", case.array(), perm=[1, 0])
    last = case.graph.add("Transpose", case.input, perm=channels_last(case))
    product = case.graph.add("MatMul", last, turned)
    if layer.bias:
        product = case.graph.add("Add", product, case.array("bias"))
    return case.graph.add("Transpose", product, perm=channels_first(case))


def _recurrent(operator: str, order: Sequence[int], **attributes: Any) -> Translation:
    """A recurrent operator; `order` lists our gates as ONNX wants them."""

    def translate(layer: Any, case: Case) -> str:
        suffixes = ("", "_reverse") if layer.bidirectional else ("",)

        def gates(name: str, read: Callable[[str], Array]) -> Array:
            parts = [np.split(read(name + suffix), len(order)) for suffix in suffixes]
            return np.stack([np.concatenate([part[i] for i in order]) for part in parts])

        def biases(read: Callable[[str], Array]) -> Array:
            return np.concatenate([gates("bias_ih", read), gates("bias_hh", read)], axis=1)

        arrays = [
            case.joined("weight_ih", lambda read: gates("weight_ih", read)),
            case.joined("weight_hh", lambda read: gates("weight_hh", read)),
        ]
        if layer.bias:
            arrays.append(case.joined("bias_ih", biases))
        steps = case.graph.add("Transpose", case.input, perm=[2, 0, 1])
        states = case.graph.add(
            operator,
            steps,
            *arrays,
            hidden_size=layer.units,
            direction="bidirectional" if layer.bidirectional else "forward",
            **attributes,
        )
        # From steps, directions, samples and units to samples and channels.
        turned = case.graph.add("Transpose", states, perm=[2, 1, 3, 0])
        return case.reshaped(turned, 0, case.output[1], case.output[2])

    return translate


def _conv_lstm(layer: Any, case: Case) -> str:
    """Its steps one after the other, each of convolutions and activations."""
    graph, channels = case.graph, layer.channels
    _, c_in, length, *sizes = case.shape
    if length > _MOST_SLICES:
        raise NoCounterpart("a step becomes ten operators, and it has too many")
    layer = settled(layer, case)
    around = [((k - 1) // 2, k // 2) for k in layer.kernel]
    state_pads = [*[before for before, _ in around], *[after for _, after in around]]

    def gate(value: str, number: int, operator: str) -> str:
        part = sliced(case, value, [1], [number * channels], [(number + 1) * channels])
        return graph.add(operator, part)

    steps: list[str] = []
    state = cell = ""
    for step in range(length):
        shown = case.reshaped(sliced(case, case.input, [2], [step], [step + 1]), 0, c_in, *sizes)
        gates = graph.add(
            "Conv",
            shown,
            case.array("weight_ih"),
            *case.arrays("bias"),
            kernel_shape=layer.kernel,
            strides=layer.stride,
            dilations=layer.dilation,
            **pads(layer),
        )
        if state:
            more = graph.add("Conv", state, case.array("weight_hh"), pads=state_pads)
            gates = graph.add("Add", gates, more)
        new = graph.add("Mul", gate(gates, 0, "Sigmoid"), gate(gates, 2, "Tanh"))
        if cell:
            new = graph.add("Add", graph.add("Mul", gate(gates, 1, "Sigmoid"), cell), new)
        cell = new
        state = graph.add("Mul", gate(gates, 3, "Sigmoid"), graph.add("Tanh", cell))
        steps.append(graph.add("Unsqueeze", state, graph.whole(2)))
    return graph.add("Concat", *steps, axis=2)


TRANSLATIONS: dict[str, Translation] = {
    "dense": _dense,
    "lstm": _recurrent("LSTM", [0, 3, 1, 2]),
    "conv_lstm": _conv_lstm,
    "gru": _recurrent("GRU", [1, 0, 2], linear_before_reset=1),
}
