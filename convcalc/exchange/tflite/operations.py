"""The operations of TFLite, as functions that add their nodes.

Fields of options are known by their numbers, which TFLite's schema gives them. What no function
here reads becomes an operation without a rule, whose result the file says the shape of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from convcalc.exchange.axes import Adder, Value, channels_last, joined, reshaped
from convcalc.exchange.tflite.flatbuffer import Table
from convcalc.exchange.tflite.graph import FileTensor, Operation
from convcalc.shapes import elements

#: Padding by its number: of the same size, or none.
_PADDING = ("same", "valid")
#: Activations that are part of an operation, by their numbers; 0 is none.
_FUSED: Mapping[int, tuple[str, dict[str, Any]]] = {
    1: ("relu", {}),
    2: ("clip", {"min": -1, "max": 1}),
    3: ("relu6", {}),
    4: ("tanh", {}),
}

#: Operations whose numbers decide what is read.
_RESHAPE, _PAD, _STRIDED_SLICE, _MIRROR_PAD = 22, 34, 45, 100

#: How a stored array becomes a parameter.
Steps = tuple[tuple[str, tuple[int, ...]], ...]


class Step:
    """One operation while it is read.

    add      adds its nodes
    inputs   its tensors: None for one that is left out
    values   what the tensors are that are no constants, by their place
    numbers  the numbers of a small constant, by its place
    locate   says where the numbers of a parameter lie: of this name, in this tensor, by these steps
    """

    def __init__(
        self,
        add: Adder,
        operation: Operation,
        inputs: Sequence[FileTensor | None],
        outputs: Sequence[FileTensor],
        values: Mapping[int, Value],
        numbers: Callable[[int], list[float] | None],
        locate: Callable[[str, FileTensor, Steps], None],
    ) -> None:
        self.add = add
        self.operation = operation
        self.inputs = inputs
        self.outputs = outputs
        self.values = values
        self.numbers = numbers
        self.locate = locate

    def option(self, field: int, letter: str = "b", default: Any = 0) -> Any:
        """A number among the options."""
        options: Table | None = self.operation.options
        return default if options is None else options.number(field, letter, default)

    def constant(self, place: int) -> FileTensor | None:
        """The constant that is read at this place, if one is."""
        tensor = self.inputs[place] if place < len(self.inputs) else None
        return tensor if tensor is not None and tensor.constant else None

    def wholes(self, place: int) -> list[int] | None:
        """The whole numbers of a small constant; None where there is none."""
        found = self.numbers(place)
        if found is None or not all(isinstance(item, int) for item in found):
            return None
        return [int(item) for item in found]

    def sizes(self) -> tuple[int, ...]:
        """The sizes of the first result as the file has them, without the batch."""
        return sizes_of(self.outputs[0])

    def axis(self, axis: int) -> int | None:
        """An axis of the first input that is no constant, without the batch; None for the batch."""
        tensor = next(self.inputs[place] for place in self.values)
        rank, batch = len(tensor.shape) if tensor else 0, int(has_batch(tensor))
        axis = axis + rank if axis < 0 else axis
        return axis - batch if batch <= axis < rank else None

    def weighted(
        self, index: int, key: str, tensor: FileTensor | None, *steps: tuple[str, tuple[int, ...]]
    ) -> None:
        """Says where a parameter of a node lies in the file."""
        if tensor is not None and tensor.dtype:
            self.locate(f"{self.add.assembly.node(index).path}.{key}", tensor, steps)

    def activated(self, value: Value, field: int) -> Value:
        """The value after the activation that the options name."""
        number = self.option(field)
        if number not in _FUSED:
            return value
        kind, arguments = _FUSED[number]
        return self.add.follow(kind, value._replace(single=True), arguments)


def has_batch(tensor: FileTensor | None) -> bool:
    """Whether the first axis of a tensor is the batch, of one sample."""
    return tensor is not None and len(tensor.shape) > 1 and tensor.shape[0] == 1


def sizes_of(tensor: FileTensor) -> tuple[int, ...]:
    """The sizes of a tensor without the batch; a single number is one feature."""
    sizes = tensor.shape[1:] if has_batch(tensor) else tensor.shape
    return sizes or (1,)


#: Adds the nodes of an operation; None where it is of a form that has no rule.
Make = Callable[[Step], Value | None]


def conv(step: Step) -> Value | None:
    """CONV_2D: padding, strides, activation, dilations."""
    kernel, bias = step.constant(1), step.constant(2)
    if 0 not in step.values or kernel is None or len(kernel.shape) != 4:
        return None
    value = step.add.with_channels(step.values[0], -1)
    channels, height, width, depth = kernel.shape
    entering = step.add.shape(value)[0]
    if not depth or entering % depth:
        return None
    index = step.add.node(
        "conv",
        [value.at],
        channels=channels,
        kernel=[height, width],
        stride=[step.option(2, "i", 1), step.option(1, "i", 1)],
        padding=_PADDING[step.option(0) % 2],
        dilation=[step.option(5, "i", 1), step.option(4, "i", 1)],
        groups=entering // depth,
        bias=bias is not None,
    )
    step.weighted(index, "weight", kernel, ("transpose", (0, 3, 1, 2)))
    step.weighted(index, "bias", bias)
    return step.activated(value._replace(at=index), 3)


def depthwise(step: Step) -> Value | None:
    """DEPTHWISE_CONV_2D: padding, strides, multiplier, activation, dilations."""
    kernel, bias = step.constant(1), step.constant(2)
    if 0 not in step.values or kernel is None or len(kernel.shape) != 4:
        return None
    value = step.add.with_channels(step.values[0], -1)
    _, height, width, channels = kernel.shape
    entering = step.add.shape(value)[0]
    if channels % entering:
        return None
    index = step.add.node(
        "depthwise",
        [value.at],
        kernel=[height, width],
        stride=[step.option(2, "i", 1), step.option(1, "i", 1)],
        padding=_PADDING[step.option(0) % 2],
        dilation=[step.option(6, "i", 1), step.option(5, "i", 1)],
        multiplier=channels // entering,
        bias=bias is not None,
    )
    step.weighted(index, "weight", kernel, ("transpose", (3, 0, 1, 2)))
    step.weighted(index, "bias", bias)
    return step.activated(value._replace(at=index), 4)


def transpose_conv(step: Step) -> Value | None:
    """TRANSPOSE_CONV: padding, strides, activation; the sizes of the result are given."""
    kernel, bias = step.constant(1), step.constant(3)
    if 2 not in step.values or kernel is None or len(kernel.shape) != 4:
        return None
    value = step.add.with_channels(step.values[2], -1)
    channels, height, width, _ = kernel.shape
    stride = [step.option(2, "i", 1), step.option(1, "i", 1)]
    sizes, wanted = step.add.shape(value)[1:], step.sizes()[:-1]
    if len(sizes) != 2 or len(wanted) != 2 or min(stride) < 1:
        return None
    sides, extra = [], []
    for n, k, s, out in zip(sizes, (height, width), stride, wanted, strict=True):
        # As much is cropped, or added at the end, as makes the given size.
        surplus = (n - 1) * s + k - out
        sides.append([max(surplus, 0) // 2, max(surplus, 0) - max(surplus, 0) // 2])
        extra.append(max(-surplus, 0))
    index = step.add.node(
        "conv_transpose",
        [value.at],
        channels=channels,
        kernel=[height, width],
        stride=stride,
        padding=sides,
        output_padding=extra,
        bias=bias is not None,
    )
    step.weighted(index, "weight", kernel, ("transpose", (3, 0, 1, 2)))
    step.weighted(index, "bias", bias)
    return step.activated(value._replace(at=index), 3)


def dense(step: Step) -> Value | None:
    """FULLY_CONNECTED: activation, form of the weights, whether axes stay."""
    weight, bias = step.constant(1), step.constant(2)
    if 0 not in step.values or weight is None or len(weight.shape) != 2:
        return None
    value, add = step.values[0], step.add
    units, features = weight.shape
    several = elements(add.shape(value)) != features
    if several and len(value.order) > 1 and add.sizes(value)[-1] == features:
        value = add.with_channels(value, -1)
        index = add.node("dense", [value.at], units=units, bias=bias is not None, positionwise=True)
        value = value._replace(at=index)
    else:
        if len(value.order) > 1:
            value = flattened(add, value)
        if several:
            return None
        index = add.node("dense", [value.at], units=units, bias=bias is not None)
    steps: list[tuple[str, tuple[int, ...]]] = []
    if value.flat is not None:
        # The weights are in the file's order of the map that was made flat.
        channels, *sizes = value.flat
        axes = len(value.flat)
        steps = [
            ("reshape", (units, *sizes, channels)),
            ("transpose", (0, axes, *range(1, axes))),
            ("reshape", (units, features)),
        ]
    step.weighted(index, "weight", weight, *steps)
    step.weighted(index, "bias", bias)
    made = value if len(value.order) > 1 else Value(index, (0,))
    return step.activated(made, 0)


def flattened(add: Adder, value: Value) -> Value:
    """A value as plain features, which stay where they are for a dense layer."""
    shape, sizes = add.shape(value), add.sizes(value)
    moved = value
    vector = len([size for size in sizes if size > 1]) <= 1
    if not vector and value.order != channels_last(len(shape)):
        moved = add.moved(value, tuple(range(len(shape))))
        return Value(add.node("flatten", [moved.at], "flatten"), (0,))
    index = add.node("flatten", [moved.at], "flatten")
    return Value(index, (0,), None if vector else shape)


def pool(kind: str) -> Make:
    """AVERAGE_POOL_2D and MAX_POOL_2D: padding, strides, window, activation."""

    def make(step: Step) -> Value | None:
        if 0 not in step.values or len(step.values[0].order) != 3:
            return None
        value = step.add.with_channels(step.values[0], -1)
        arguments: dict[str, Any] = {"count_include_pad": False} if kind == "avgpool" else {}
        index = step.add.node(
            kind,
            [value.at],
            kernel=[step.option(4, "i", 1), step.option(3, "i", 1)],
            stride=[step.option(2, "i", 1), step.option(1, "i", 1)],
            padding=_PADDING[step.option(0) % 2],
            **arguments,
        )
        return step.activated(value._replace(at=index), 5)

    return make


def activation(kind: str, **arguments: Any) -> Make:
    """An operation that is one of our activations or functions of one element."""

    def make(step: Step) -> Value | None:
        if 0 not in step.values:
            return None
        value = step.values[0]
        if kind == "softmax":
            value = step.add.with_channels(step.add.plain(value), -1)
        return step.add.follow(kind, value, arguments)

    return make


def leaky_relu(step: Step) -> Value | None:
    """LEAKY_RELU: slope."""
    return activation("leaky_relu", slope=step.option(0, "f", 0.0))(step)


def gelu(step: Step) -> Value | None:
    """GELU, unless it is the approximation."""
    return None if step.option(0, "B") else activation("gelu")(step)


def prelu(step: Step) -> Value | None:
    """PRELU: a slope for each channel."""
    slopes = step.constant(1)
    if 0 not in step.values or slopes is None:
        return None
    value = step.add.with_channels(step.values[0], -1)
    count, channels = elements(slopes.shape), step.add.shape(value)[0]
    if count not in {1, channels}:
        return None
    made = step.add.follow("prelu", value, {"per_channel": count == channels})
    step.weighted(made.at, "weight", slopes, ("reshape", (count,)))
    return made


def arithmetic(kind: str) -> Make:
    """ADD, SUB, MUL and DIV of two values, or of a value and a constant: activation."""

    def make(step: Step) -> Value | None:
        if len(step.inputs) != 2 or not step.values:
            return None
        if len(step.values) == 2:
            return step.activated(joined(step.add, kind, [step.values[0], step.values[1]]), 0)
        place = next(iter(step.values))
        constant, value = step.constant(1 - place), step.values[place]
        if constant is None:
            return None
        made = _with_constant(step, kind, value, place, constant)
        return None if made is None else step.activated(made, 0)

    return make


def _with_constant(
    step: Step, kind: str, value: Value, place: int, constant: FileTensor
) -> Value | None:
    """A value and a constant: one number, or one for each channel or element."""
    add, count = step.add, elements(constant.shape)
    if count == 1:
        numbers = step.numbers(1 - place)
        if numbers is None or (kind == "div" and (place == 1 or not numbers[0])):
            return None
        number = numbers[0]
        factor, offset = {
            "add": (1, number),
            "sub": (1, -number) if place == 0 else (-1, number),
            "mul": (number, 0),
            "div": (1 / number if number else 1, 0),
        }[kind]
        index = add.node("rescaling", [value.at], factor=factor, offset=offset)
        return value._replace(at=index, single=False)
    value = add.plain(value)
    rank = len(value.order)
    sizes = [size for size in constant.shape if size != 1]
    if kind == "mul" and sizes == [add.sizes(value)[-1]] and constant.shape[-1] != 1:
        value = add.with_channels(value, -1)
        index = add.node("scale", [value.at])
        step.weighted(index, "weight", constant, ("reshape", (sizes[0],)))
        return value._replace(at=index, single=False)
    shape = list(constant.shape)
    shape = shape[len(shape) - rank :] if len(shape) > rank else [1] * (rank - len(shape)) + shape
    if elements(tuple(shape)) != count:
        return None
    if value.order == channels_last(rank):
        order, ours = value.order, [shape[-1], *shape[:-1]]
    else:
        value = add.moved(value, tuple(range(rank)))
        order, ours = value.order, shape
    index = add.node("parameter", [value.at], "constant", shape=ours)
    both = [value, Value(index, order)]
    return joined(add, kind, both if place == 0 else both[::-1])


def concatenation(step: Step) -> Value | None:
    """CONCATENATION: axis, activation."""
    if len(step.values) != len(step.inputs) or not step.inputs:
        return None
    axis = step.axis(step.option(0, "i"))
    if axis is None:
        return None
    values = [step.add.plain(step.values[place]) for place in range(len(step.inputs))]
    if len(values) == 1:
        return values[0]
    order = values[0].order
    indices = [step.add.moved(value, order).at for value in values]
    return step.activated(Value(step.add.node("concat", indices, axis=order[axis]), order), 1)


def shaped(step: Step) -> Value | None:
    """RESHAPE, SQUEEZE and EXPAND_DIMS: the values in the file's order in another shape."""
    if 0 not in step.values:
        return None
    value = step.values[0]
    wanted = _wanted(step, elements(step.add.shape(value)))
    if wanted is None:
        return None
    step.outputs = [step.outputs[0]._replace(shape=wanted)]
    sizes = step.sizes()
    if (
        len(sizes) == 1
        and len(value.order) > 1
        and elements(sizes) == elements(step.add.shape(value))
    ):
        return flattened(step.add, value)
    value = step.add.plain(value)
    if step.add.sizes(value) == sizes:
        return value._replace(single=False)
    return reshaped(step.add, value, sizes)


def _wanted(step: Step, count: int) -> tuple[int, ...] | None:
    """The shape with the batch that so many values should have: the given one, or the result's."""
    shape = step.outputs[0].shape
    given = step.wholes(1) if step.operation.operator == _RESHAPE else None
    if given is not None and given.count(-1) <= 1 and all(size >= -1 for size in given):
        known = elements(tuple([size for size in given if size != -1]))
        if known and count % known == 0:
            shape = tuple([count // known if size == -1 else size for size in given])
    return shape if elements(shape) == count else None


def transpose(step: Step) -> Value | None:
    """TRANSPOSE: the same values, their axes renamed."""
    order = step.wholes(1)
    if 0 not in step.values or order is None:
        return None
    value = step.add.plain(step.values[0])
    axes = [step.axis(axis) for axis in order]
    if None in axes:
        # The batch stays where it is: it is the first axis.
        axes = axes[1:] if order[0] == 0 else []
    if sorted([axis for axis in axes if axis is not None]) != list(range(len(value.order))):
        return None
    return Value(value.at, tuple([value.order[axis] for axis in axes if axis is not None]))


def pad(step: Step) -> Value | None:
    """PAD, PADV2 and MIRROR_PAD of a map, or of its channels with zeros."""
    given = step.wholes(1)
    if 0 not in step.values or given is None:
        return None
    value = step.add.with_channels(step.values[0], -1)
    pairs = [given[n : n + 2] for n in range(0, len(given), 2)]
    rank = len(value.order)
    if len(pairs) > rank and not any(pairs[0]):
        pairs = pairs[1:]
    if len(pairs) != rank or rank < 2:
        return None
    if any(pairs[-1]):
        if step.operation.operator != _PAD or any(side for pair in pairs[:-1] for side in pair):
            return None
        # Only axes beside the first one are padded.
        turned = [1, 0, *range(2, rank)]
        index = step.add.node("transpose", [value.at], "turned", order=turned)
        sides = [pairs[-1], *[0] * (rank - 2)]
        index = step.add.node("pad", [index], "padded", padding=sides)
        index = step.add.node("transpose", [index], order=turned)
        return value._replace(at=index, single=False)
    arguments: dict[str, Any] = {"padding": pairs[:-1]}
    if step.operation.operator == _MIRROR_PAD:
        if step.option(0):
            return None  # the edge itself is mirrored as well
        arguments["mode"] = "reflect"
    index = step.add.node("pad", [value.at], **arguments)
    return value._replace(at=index, single=False)


def resize(mode: str, corners: int, centers: int) -> Make:
    """RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR; where centres are is among the options."""

    def make(step: Step) -> Value | None:
        if 0 not in step.values or len(step.sizes()) != 3:
            return None
        value = step.add.with_channels(step.values[0], -1)
        where = "asymmetric"
        if step.option(corners, "B"):
            where = "align_corners"
        elif step.option(centers, "B"):
            where = "half_pixel"
        size = list(step.sizes()[:-1])
        index = step.add.node("upsample", [value.at], size=size, mode=mode, coordinates=where)
        return value._replace(at=index, single=False)

    return make


def reduction(kind: str) -> Make:
    """MEAN, SUM and REDUCE_MAX along constant axes: whether they stay."""

    def make(step: Step) -> Value | None:
        given = step.wholes(1)
        if 0 not in step.values or given is None:
            return None
        value = step.add.plain(step.values[0])
        axes = [step.axis(axis) for axis in given]
        if None in axes or not axes:
            return None
        ours = sorted({value.order[axis] for axis in axes if axis is not None})
        kept = bool(step.option(0, "B"))
        rank = len(value.order)
        if kind == "reduce_mean" and ours == list(range(1, rank)) and rank <= 4:
            index = step.add.node("global_avgpool", [value.at], keepdims=kept)
        elif len(ours) == rank and not kept:
            return None
        else:
            index = step.add.node(kind, [value.at], axes=ours, keepdims=kept)
        if kept:
            return value._replace(at=index, single=False)
        left = [axis for axis in value.order if axis not in ours]
        return Value(index, tuple([sorted(left).index(axis) for axis in left]))

    return make


def strided_slice(step: Step) -> Value | None:
    """STRIDED_SLICE and SLICE: from where the ranges begin, to the sizes that the file says."""
    begins, last = step.wholes(1), step.wholes(3)
    tensor = step.inputs[0] if 0 in step.values else None
    if tensor is None or begins is None:
        return None
    strided = step.operation.operator == _STRIDED_SLICE
    if strided and any(step.option(field, "i") for field in (2, 3, 4)):
        return None  # new axes, or axes that go
    steps = last if strided and last is not None else [1] * len(begins)
    masked = step.option(0, "i") if strided else 0
    value = step.add.plain(step.values[0])
    out = step.outputs[0].shape
    if len(out) != len(tensor.shape) or len(begins) != len(out) or len(steps) != len(out):
        return None
    for axis, (written, by, size) in enumerate(zip(begins, steps, out, strict=True)):
        place, whole = step.axis(axis), tensor.shape[axis]
        begin = 0 if masked >> axis & 1 else written + whole if written < 0 else written
        if by < 1 or (place is None and size != whole):
            return None
        if place is None or (size == whole and by == 1):
            continue
        stop = begin + (size - 1) * by + 1
        index = step.add.node(
            "slice",
            [value.at],
            f"axis{axis}",
            channels=[begin, stop],
            axis=value.order[place],
            step=by,
        )
        value = value._replace(at=index)
    return value._replace(single=False)


def depth_to_space(step: Step) -> Value | None:
    """DEPTH_TO_SPACE: blocks lie before the channels, which are after them in ours."""
    block = step.option(0, "i")
    if 0 not in step.values or block < 1:
        return None
    value = step.add.with_channels(step.values[0], -1)
    if step.add.shape(value)[0] % (block * block):
        return None
    index = step.add.node("channel_shuffle", [value.at], "blocks", groups=block * block)
    index = step.add.node("pixel_shuffle", [index], factor=block)
    return value._replace(at=index, single=False)


def space_to_depth(step: Step) -> Value | None:
    """SPACE_TO_DEPTH."""
    block = step.option(0, "i")
    if 0 not in step.values or block < 1:
        return None
    value = step.add.with_channels(step.values[0], -1)
    channels = step.add.shape(value)[0]
    index = step.add.node("pixel_unshuffle", [value.at], "blocks", factor=block)
    index = step.add.node("channel_shuffle", [index], groups=channels)
    return value._replace(at=index, single=False)


def matmul(step: Step) -> Value | None:
    """BATCH_MATMUL: whether each of both is transposed."""
    if len(step.values) != 2 or len({len(value.order) for value in step.values.values()}) != 1:
        return None
    both = []
    for place, field in ((0, 0), (1, 1)):
        value = step.add.plain(step.values[place])
        rank = len(value.order)
        if rank < 2:
            return None
        order = list(range(rank))
        if step.option(field, "B"):
            order[-2:] = [rank - 1, rank - 2]
        both.append(step.add.moved(value, tuple(order)))
    index = step.add.node("matmul", [value.at for value in both])
    return Value(index, tuple(range(len(both[0].order))))


def passed(step: Step) -> Value | None:
    """QUANTIZE, DEQUANTIZE and CAST: the same numbers in another type, which is no layer here."""
    return step.values[0]._replace(single=False) if 0 in step.values else None


#: What reads an operation, by its number; and its name.
OPERATIONS: Mapping[int, tuple[str, Make | None]] = {
    0: ("ADD", arithmetic("add")),
    1: ("AVERAGE_POOL_2D", pool("avgpool")),
    2: ("CONCATENATION", concatenation),
    3: ("CONV_2D", conv),
    4: ("DEPTHWISE_CONV_2D", depthwise),
    5: ("DEPTH_TO_SPACE", depth_to_space),
    6: ("DEQUANTIZE", passed),
    9: ("FULLY_CONNECTED", dense),
    14: ("LOGISTIC", activation("sigmoid")),
    17: ("MAX_POOL_2D", pool("maxpool")),
    18: ("MUL", arithmetic("mul")),
    19: ("RELU", activation("relu")),
    20: ("RELU_N1_TO_1", activation("clip", min=-1, max=1)),
    21: ("RELU6", activation("relu6")),
    22: ("RESHAPE", shaped),
    23: ("RESIZE_BILINEAR", resize("bilinear", 2, 3)),
    25: ("SOFTMAX", activation("softmax")),
    26: ("SPACE_TO_DEPTH", space_to_depth),
    28: ("TANH", activation("tanh")),
    34: ("PAD", pad),
    39: ("TRANSPOSE", transpose),
    40: ("MEAN", reduction("reduce_mean")),
    41: ("SUB", arithmetic("sub")),
    42: ("DIV", arithmetic("div")),
    43: ("SQUEEZE", shaped),
    45: ("STRIDED_SLICE", strided_slice),
    53: ("CAST", passed),
    54: ("PRELU", prelu),
    60: ("PADV2", pad),
    65: ("SLICE", strided_slice),
    67: ("TRANSPOSE_CONV", transpose_conv),
    70: ("EXPAND_DIMS", shaped),
    74: ("SUM", reduction("reduce_sum")),
    75: ("SQRT", activation("sqrt")),
    82: ("REDUCE_MAX", reduction("reduce_max")),
    97: ("RESIZE_NEAREST_NEIGHBOR", resize("nearest", 0, 1)),
    98: ("LEAKY_RELU", leaky_relu),
    100: ("MIRROR_PAD", pad),
    111: ("ELU", activation("elu")),
    114: ("QUANTIZE", passed),
    117: ("HARD_SWISH", activation("hard_swish")),
    126: ("BATCH_MATMUL", matmul),
    150: ("GELU", gelu),
    152: ("RELU_0_TO_1", activation("clip", min=0, max=1)),
    # Others that are met, for their names.
    7: ("EMBEDDING_LOOKUP", None),
    11: ("L2_NORMALIZATION", None),
    13: ("LOCAL_RESPONSE_NORMALIZATION", None),
    16: ("LSTM", None),
    27: ("SVDF", None),
    36: ("GATHER", None),
    37: ("BATCH_TO_SPACE_ND", None),
    38: ("SPACE_TO_BATCH_ND", None),
    44: ("UNIDIRECTIONAL_SEQUENCE_LSTM", None),
    47: ("EXP", None),
    48: ("TOPK_V2", None),
    49: ("SPLIT", None),
    50: ("LOG_SOFTMAX", None),
    55: ("MAXIMUM", None),
    56: ("ARG_MAX", None),
    57: ("MINIMUM", None),
    73: ("LOG", None),
    76: ("RSQRT", None),
    77: ("SHAPE", None),
    78: ("POW", None),
    83: ("PACK", None),
    88: ("UNPACK", None),
    92: ("SQUARE", None),
    99: ("SQUARED_DIFFERENCE", None),
    101: ("ABS", None),
    102: ("SPLIT_V", None),
}
