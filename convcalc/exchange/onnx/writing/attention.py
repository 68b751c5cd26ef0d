"""Attention of a query to keys."""

from __future__ import annotations

from convcalc.exchange.onnx.values import Op, Value
from convcalc.exchange.onnx.writer import Writer


def attention(writer: Writer, op: Op) -> None:
    """The pattern of attention: query (heads, q, d), key (heads, d, k), value (heads, k, e)."""
    query, key, value = op.input(0), op.input(1), op.input(2)
    rank = len(query.shape)
    before = [axis for axis in range(rank - 2) if query.shape[axis] != 1]
    heads = query.shape[before[0]] if before else 1

    def channels(each: Value, channel: int, position: int) -> int:
        node = writer.arranged(each, [*before, channel, position])
        shape = each.shape
        return writer.reshape(node, (heads * shape[channel], shape[position]))

    nodes = [
        channels(query, rank - 1, rank - 2),
        channels(key, rank - 2, rank - 1),
        channels(value, rank - 1, rank - 2),
    ]
    node = writer.add("attention", {"heads": heads}, nodes)
    depth, positions = value.shape[-1], query.shape[-2]
    result = op.outputs[0]
    axes: list[int | None] = [None] * rank
    if before:
        node = writer.reshape(node, (heads, depth, positions))
        axes[before[0]] = 0
    axes[rank - 1], axes[rank - 2] = len(before), len(before) + 1
    writer.put(result, node, tuple(axes))
