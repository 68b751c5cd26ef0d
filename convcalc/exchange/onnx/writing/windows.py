"""Convolutions, poolings, padding and resizing: what slides or lies on spatial axes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from convcalc.exchange.onnx.axes import WindowArguments, pads_of
from convcalc.exchange.onnx.shapes import resize_arguments
from convcalc.exchange.onnx.values import Constant, Op, scalar
from convcalc.exchange.onnx.writer import Unsupported, Writer
from convcalc.layers.pooling import MaxPool
from convcalc.layers.unpooling import Unpool


def one_or_all(numbers: Sequence[object]) -> object:
    """One number for all axes where they are equal; else a list."""
    return numbers[0] if all(number == numbers[0] for number in numbers) else [*numbers]


def sides(padding: Sequence[tuple[int, int]]) -> object:
    """Padding as a user would write it: one number, one or a pair for each axis."""
    if all(before == after for before, after in padding):
        return one_or_all([before for before, _ in padding])
    return [[before, after] for before, after in padding]


def _arguments(window: WindowArguments) -> dict[str, object]:
    return {
        "kernel": one_or_all(window.kernel),
        "stride": one_or_all(window.stride),
        "padding": sides(window.padding),
        "dilation": one_or_all(window.dilation),
    }


def conv(writer: Writer, op: Op) -> None:
    """Conv, also of one image for each of several windows: these become a spatial axis."""
    x, weight, bias = op.x, op.input(1), op.given(2)
    if not isinstance(weight, Constant) or not (bias is None or isinstance(bias, Constant)):
        raise Unsupported
    shape = x.shape
    window = WindowArguments(op, shape[2:], weight.shape[2:])
    groups, channels = op.whole("group", 1), weight.shape[0]
    args = _arguments(window)
    if shape[0] != 1:
        args = {
            "kernel": [1, *window.kernel],
            "stride": [1, *window.stride],
            "padding": [[0, 0], *[list(pair) for pair in window.padding]],
            "dilation": [1, *window.dilation],
        }
        source = writer.arranged(x, [1, 0, *range(2, len(shape))])
    else:
        source = writer.channels_first(x)
    if any(side < 0 for pair in window.padding for side in pair):
        raise Unsupported
    args["bias"] = bias is not None
    if groups == shape[1] > 1 and channels % groups == 0:
        kind = "depthwise"
        args["multiplier"] = channels // groups
    else:
        kind = "conv"
        args |= {"channels": channels, "groups": groups}
    node = writer.add(kind, args, [source])
    _weights(writer, node, weight, bias)
    if shape[0] != 1:
        writer.put(op.outputs[0], node, (1, 0, *range(2, len(shape))))
    else:
        writer.put_first(op.outputs[0], node)


def _weights(writer: Writer, node: int, weight: Constant, bias: Constant | None) -> None:
    layer = writer.builder.nodes[node]
    shapes = layer.layer.parameters([writer.shape(index) for index in layer.inputs])
    writer.tensor(layer.path, "weight", weight, ("reshape", shapes["weight"]))
    if bias is not None:
        writer.tensor(layer.path, "bias", bias)
    writer.share(node, [weight, bias])


def conv_transpose(writer: Writer, op: Op) -> None:
    """ConvTranspose."""
    x, weight, bias = op.x, op.input(1), op.given(2)
    if not isinstance(weight, Constant) or not (bias is None or isinstance(bias, Constant)):
        raise Unsupported
    sizes, rank = x.shape[2:], len(x.shape) - 2
    word = op.text("auto_pad", "NOTSET")
    added = op.ints("output_padding", rank, 0) or []
    groups = op.whole("group", 1)
    result = op.outputs[0].shape[2:]
    if word in ("SAME_UPPER", "SAME_LOWER") or op.ints("output_shape") is not None:
        op.attributes = {**op.attributes, "auto_pad": b"NOTSET", "pads": [0] * (2 * rank)}
        window = WindowArguments(op, sizes, weight.shape[2:])
        window.padding = _cropped(window, sizes, result, added, word)
    else:
        window = WindowArguments(op, sizes, weight.shape[2:])
    if any(side < 0 for pair in window.padding for side in pair):
        raise Unsupported
    args = _arguments(window)
    args |= {"channels": weight.shape[1] * groups, "groups": groups, "bias": bias is not None}
    if any(added):
        args["output_padding"] = one_or_all(added)
    node = writer.add("conv_transpose", args, [writer.channels_first(x)])
    _weights(writer, node, weight, bias)
    writer.put_first(op.outputs[0], node)


def _cropped(
    window: WindowArguments,
    sizes: Sequence[int],
    result: Sequence[int],
    added: Sequence[int],
    word: str,
) -> list[tuple[int, int]]:
    """What is cropped before and after each axis, so that a given size is left."""
    found = []
    for axis, (n, out, extra) in enumerate(zip(sizes, result, added, strict=True)):
        total = window.stride[axis] * (n - 1) + extra + window.extent(axis) - out
        less, more = total // 2, total - total // 2
        found.append((less, more) if word == "SAME_UPPER" else (more, less))
    return found


def pool(writer: Writer, op: Op) -> None:
    """MaxPool and AveragePool."""
    sizes = op.x.shape[2:]
    window = WindowArguments(op, sizes, op.ints("kernel_shape") or [])
    args = _arguments(window)
    args["ceil_mode"] = bool(op.whole("ceil_mode", 0))
    padded = any(side for pair in window.padding for side in pair)
    kind = "maxpool"
    if op.type == "AveragePool":
        kind = "avgpool"
        if any(step != 1 for step in window.dilation):
            raise Unsupported
        del args["dilation"]
        args["count_include_pad"] = not padded or bool(op.whole("count_include_pad", 0))
        if tuple(window.kernel) == sizes and not padded:
            kind, args = "global_avgpool", {}
    source = writer.channels_first(op.x)
    if op.outputs[0].users:
        writer.put_first(op.outputs[0], writer.add(kind, args, [source]))
    if any([value.users for value in op.outputs[1:]]):
        if op.whole("storage_order", 0):
            raise Unsupported
        writer.put_first(op.outputs[1], writer.add("indices", args, [source]))


def unpool(writer: Writer, op: Op) -> None:
    """The pattern of MaxUnpool: what enters, the places of a pooling, and the pooling's input."""
    value, places, entered = [writer.channels_first(op.input(place)) for place in range(3)]
    made = writer.builder.nodes[places]
    if made.kind != "indices" or writer.shape(entered) != op.outputs[0].shape[1:]:
        raise Unsupported
    args = {name: getattr(made.layer, name) for name in vars(made.layer)}
    layer = Unpool(pool=MaxPool(**args))
    writer.put_first(op.outputs[0], writer.add("unpool", {}, [value, places, entered], layer))


def adaptive_pool(writer: Writer, op: Op) -> None:
    """PyTorch's adaptive poolings, for which ONNX has no operation."""
    args = {"size": one_or_all(op.ints("size") or [])}
    writer.put_first(op.outputs[0], writer.add(op.type, args, [writer.channels_first(op.x)]))


def global_pool(writer: Writer, op: Op) -> None:
    """GlobalAveragePool and GlobalMaxPool."""
    kind = "global_avgpool" if op.type == "GlobalAveragePool" else "global_maxpool"
    node = writer.add(kind, {}, [writer.channels_first(op.x)])
    writer.put_first(op.outputs[0], node)


_PAD_MODES = {"constant": "zeros", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


def pad(writer: Writer, op: Op) -> None:
    """Pad, on any axes: those that it pads become spatial ones."""
    x = op.x
    padding = pads_of(op, len(x.shape))
    padded = [axis for axis, pair in enumerate(padding) if pair != (0, 0)]
    view = writer.view(x)
    if not padded:
        writer.relabel(op.outputs[0], view, view.axes)
        return
    mode = _PAD_MODES.get(op.text("mode", "constant"))
    value = op.real("value", 0.0) if "value" in op.attributes else scalar(op.given(2))
    if mode is None or (value is None and op.given(2) is not None):
        raise Unsupported
    args: dict[str, object] = {"mode": mode}
    if value and mode == "zeros":
        args["value"] = max(min(value, 1e29), -1e29)
    places = [view.axes[axis] for axis in padded]
    own = writer.shape(view.node)
    if None not in places and 0 not in places and len(own) <= 4:
        axes, node = view.axes, view.node
        by_place = dict(zip(places, padded, strict=True))
        pairs = [
            padding[by_place[place]] if place in by_place else (0, 0)
            for place in range(1, len(own))
        ]
    else:
        # The axes that are not padded become channels.
        others = [axis for axis in range(len(x.shape)) if axis not in padded and x.shape[axis] != 1]
        if len(padded) > 3:
            raise Unsupported
        whole = writer.arranged(x, [*others, *padded])
        sizes = [x.shape[axis] for axis in padded]
        node = writer.reshape(whole, (prod([x.shape[axis] for axis in others]), *sizes))
        node = writer.add(
            "pad", {**args, "padding": sides([padding[axis] for axis in padded])}, [node]
        )
        grown = writer.shape(node)[1:]
        node = writer.reshape(node, (*[x.shape[axis] for axis in others], *grown))
        found = {axis: place for place, axis in enumerate([*others, *padded])}
        writer.put(op.outputs[0], node, tuple([found.get(axis) for axis in range(len(x.shape))]))
        return
    node = writer.add("pad", {**args, "padding": sides(pairs)}, [node])
    writer.put(op.outputs[0], node, axes)


def resize(writer: Writer, op: Op) -> None:
    """Resize and Upsample."""
    x, result = op.x.shape, op.outputs[0].shape
    if x == result:
        view = writer.view(op.x)
        writer.relabel(op.outputs[0], view, view.axes)
        return
    mode = op.text("mode", "nearest")
    usual = "asymmetric" if op.type == "Upsample" or op.version < 11 else "half_pixel"
    word = op.text("coordinate_transformation_mode", usual)
    if mode == "nearest" and word == "half_pixel":
        # Rounded down, half a pixel more is what is left of it: for whole factors.
        word = "half_pixel"
    coordinates = _COORDINATES.get(word)
    kind = {"nearest": "nearest", "linear": "bilinear", "cubic": "bicubic"}.get(mode)
    if coordinates is None or kind is None:
        raise Unsupported
    _, scales = resize_arguments(op)
    moved = [axis for axis in range(len(x)) if x[axis] != result[axis]]
    order = [axis for axis in range(len(x)) if axis not in moved and x[axis] != 1]
    if x[0] == 1 and 0 not in moved and 1 not in moved and len(x) in (3, 4, 5):
        order = [1]
        moved = [*range(2, len(x))]
    if len(moved) > 3 or len(order) != 1:
        raise Unsupported
    node = writer.arranged(op.x, [*order, *moved])
    args: dict[str, object] = {"mode": kind, "coordinates": coordinates}
    factors = [result[axis] // x[axis] for axis in moved]
    if scales is not None and all(
        result[axis] == x[axis] * factor for axis, factor in zip(moved, factors, strict=True)
    ):
        args["factor"] = one_or_all(factors)
    elif all(result[axis] == x[axis] * 2 for axis in moved):
        args["factor"] = 2
    else:
        args["size"] = one_or_all([result[axis] for axis in moved])
    node = writer.add("upsample", args, [node])
    found = {axis: place for place, axis in enumerate([*order, *moved])}
    writer.put(op.outputs[0], node, tuple([found.get(axis) for axis in range(len(x))]))


_COORDINATES = {
    "half_pixel": "half_pixel",
    "pytorch_half_pixel": "half_pixel",
    "align_corners": "align_corners",
    "asymmetric": "asymmetric",
}
