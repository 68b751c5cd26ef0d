"""Attention of a query to keys."""

from __future__ import annotations

from convcalc.exchange.onnx.values import Op, Value
from convcalc.exchange.onnx.writer import Writer
from convcalc.shapes import MOST_WINDOW_AXES


def attention(writer: Writer, op: Op) -> None:
    """The pattern of attention: query (heads, q, d), key (heads, d, k), value (heads, k, e).

    Their last two axes, and those of the result, may be the other way round.
    """
    exchanged = op.ints("exchanged", 4) or [0, 0, 0, 0]
    query, key, value = op.input(0), op.input(1), op.input(2)
    rank = len(query.shape)
    before = [axis for axis in range(rank - 2) if query.shape[axis] != 1]
    # Heads are a part of the channels, which come first; windows are some of the positions.
    places = writer.view(query).axes
    before.sort(key=lambda axis: (places[axis] is None, places[axis] or 0))
    heads = query.shape[before[0]] if before else 1
    windows = [query.shape[axis] for axis in before[1:]]

    def channels(each: Value, channel: int, position: int, other: int) -> int:
        if other:
            channel, position = position, channel
        node = writer.arranged(each, [*before[:1], channel, *before[1:], position])
        shape = each.shape
        return writer.reshape(node, (heads * shape[channel], *windows, shape[position]))

    nodes = [
        channels(query, rank - 1, rank - 2, exchanged[0]),
        channels(key, rank - 2, rank - 1, exchanged[1]),
        channels(value, rank - 1, rank - 2, exchanged[2]),
    ]
    depth = value.shape[-2 if exchanged[2] else -1]
    positions = query.shape[-1 if exchanged[0] else -2]
    args: dict[str, object] = {"heads": heads}
    if windows:
        args["window"] = [1, positions]
    else:
        maps = [_map(writer, each) for each in nodes]
        nodes[0] = maps[0]
        if writer.shape(maps[1])[1:] == writer.shape(maps[2])[1:]:
            nodes[1:] = maps[1:]
    node = writer.add("attention", args, nodes)
    axes: list[int | None] = [None] * rank
    node = writer.reshape(node, (*([heads] if before else []), depth, *windows, positions))
    channel, position = (rank - 2, rank - 1) if exchanged[3] else (rank - 1, rank - 2)
    order = [*before[:1], channel, *before[1:], position]
    for place, axis in enumerate(order):
        axes[axis] = place
    writer.put(op.outputs[0], node, tuple(axes))


def _map(writer: Writer, node: int) -> int:
    """The map whose positions a value has one after the other; where there is none, the value."""
    made = writer.builder.nodes[node]
    if made.kind != "reshape":
        return node
    shape = writer.shape(made.inputs[0])
    is_map = shape[0] == made.shape[0] and len(shape) <= 1 + MOST_WINDOW_AXES
    return made.inputs[0] if is_map and len(shape) > 1 else node
