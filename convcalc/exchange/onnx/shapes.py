"""The shapes and element types of an operation's results, one rule for each operation."""

from __future__ import annotations

from collections.abc import Callable
from math import floor, prod

from convcalc.exchange.onnx.axes import (
    WindowArguments,
    axes_of,
    axis_in,
    axis_of,
    expanded,
    kept_axes,
    pads_of,
    repeats_of,
    reshaped,
    slices_of,
    split_sizes,
    squeezed,
    transposed_order,
    unsqueezed,
)
from convcalc.exchange.onnx.values import BOOL, INT64, Op, broadcast
from convcalc.shapes import Shape

#: What a rule gives: the shape of each result.
Rule = Callable[[Op], list[Shape]]


def _same(op: Op) -> list[Shape]:
    return [op.x.shape] * len(op.outputs)


def _broadcast(op: Op) -> list[Shape]:
    shapes = [value.shape for value in op.inputs if value is not None]
    shape = broadcast(shapes)
    if shape is None:
        raise op.refuse("bad-model", f"the shapes {shapes[:4]} do not broadcast")
    return [shape]


def _ranked(op: Op, shape: Shape, least: int) -> None:
    if len(shape) < least:
        raise op.refuse("bad-model", f"a value with {len(shape)} axes, and not {least} or more")


def _conv(op: Op) -> list[Shape]:
    x, weight = op.x.shape, op.input(1).shape
    _ranked(op, x, 3)
    if len(weight) != len(x) or x[1] != weight[1] * op.whole("group", 1):
        raise op.refuse("bad-model", f"weights {list(weight)} for an input {list(x)}")
    window = WindowArguments(op, x[2:], weight[2:])
    return [(x[0], weight[0], *window.outputs(op, x[2:]))]


def _conv_transpose(op: Op) -> list[Shape]:
    x, weight = op.x.shape, op.input(1).shape
    _ranked(op, x, 3)
    if len(weight) != len(x) or x[1] != weight[0]:
        raise op.refuse("bad-model", f"weights {list(weight)} for an input {list(x)}")
    sizes = transposed_sizes(op, x[2:], weight[2:])
    return [(x[0], weight[1] * op.whole("group", 1), *sizes)]


def transposed_sizes(op: Op, sizes: Shape, kernel: Shape) -> list[int]:
    """The spatial sizes that a ConvTranspose makes."""
    rank = len(sizes)
    given = op.ints("output_shape")
    if given is not None:
        if len(given) < rank:
            raise op.refuse("bad-model", f"'output_shape' {given} for {rank} axes")
        return given[-rank:]
    stride = op.ints("strides", rank, 1) or []
    added = op.ints("output_padding", rank, 0) or []
    if op.text("auto_pad", "NOTSET") in ("SAME_UPPER", "SAME_LOWER"):
        return [n * step for n, step in zip(sizes, stride, strict=True)]
    window = WindowArguments(op, sizes, kernel)
    return [
        (n - 1) * window.stride[axis] + window.extent(axis) - sum(window.padding[axis]) + extra
        for axis, (n, extra) in enumerate(zip(sizes, added, strict=True))
    ]


def _pool(op: Op) -> list[Shape]:
    x = op.x.shape
    _ranked(op, x, 3)
    window = WindowArguments(op, x[2:], op.ints("kernel_shape") or [])
    return [(*x[:2], *window.outputs(op, x[2:]))] * len(op.outputs)


def _adaptive(op: Op) -> list[Shape]:
    sizes = op.ints("size", len(op.x.shape) - 2) or []
    return [(*op.x.shape[:2], *sizes)]


def _max_unpool(op: Op) -> list[Shape]:
    x = op.x.shape
    _ranked(op, x, 3)
    given = op.constant_ints(2)
    if given is not None:
        if len(given) != len(x) or any(size < 1 for size in given):
            raise op.refuse("bad-model", f"a result of shape {given[:10]}")
        return [(*x[:2], *given[2:])]
    window = WindowArguments(op, x[2:], op.ints("kernel_shape") or [])
    sizes = [
        (n - 1) * step + extent - before - after
        for n, step, extent, (before, after) in zip(
            x[2:], window.stride, window.kernel, window.padding, strict=True
        )
    ]
    return [(*x[:2], *sizes)]


def _global_pool(op: Op) -> list[Shape]:
    x = op.x.shape
    return [(*x[:2], *[1 for _ in x[2:]])]


def _gemm(op: Op) -> list[Shape]:
    a, b = op.x.shape, op.input(1).shape
    if len(a) != 2 or len(b) != 2:
        if not a or len(b) != 2 or op.whole("transA", 0):
            raise op.refuse("bad-model", f"it multiplies {list(a)} by {list(b)}")
        a = (a[0], prod(a[1:]))  # before version 11 an input was flattened
    rows, inner = a[::-1] if op.whole("transA", 0) else a
    depth, columns = b[::-1] if op.whole("transB", 0) else b
    if inner != depth:
        raise op.refuse("bad-model", f"it multiplies {list(a)} by {list(b)}")
    return [(rows, columns)]


def _matmul(op: Op) -> list[Shape]:
    a, b = op.x.shape, op.input(1).shape
    left = (1, *a) if len(a) == 1 else a
    right = (*b, 1) if len(b) == 1 else b
    before = broadcast([left[:-2], right[:-2]]) if a and b else None
    if before is None or left[-1] != right[-2]:
        raise op.refuse("bad-model", f"it multiplies {list(a)} by {list(b)}")
    rows = left[-2:-1] if len(a) > 1 else ()
    columns = right[-1:] if len(b) > 1 else ()
    return [(*before, *rows, *columns)]


def _concat(op: Op) -> list[Shape]:
    shapes = [value.shape for value in op.inputs if value is not None]
    if not shapes:
        raise op.refuse("bad-model", "it has no inputs")
    axis = axis_of(op, len(shapes[0]))
    first = shapes[0]
    outside = (len(first), first[:axis], first[axis + 1 :])
    if any((len(shape), shape[:axis], shape[axis + 1 :]) != outside for shape in shapes):
        raise op.refuse("bad-model", f"the shapes {shapes[:4]} do not go together on axis {axis}")
    return [(*first[:axis], sum([shape[axis] for shape in shapes]), *first[axis + 1 :])]


def _reduce(op: Op) -> list[Shape]:
    return [kept_axes(op, op.x.shape, axes_of(op, len(op.x.shape)))]


def _arg(op: Op) -> list[Shape]:
    return [kept_axes(op, op.x.shape, [axis_of(op, len(op.x.shape))])]


def _slice(op: Op) -> list[Shape]:
    sizes = list(op.x.shape)
    for axis, taken in slices_of(op, op.x.shape).items():
        sizes[axis] = len(taken)
    return [tuple(sizes)]


def _split(op: Op) -> list[Shape]:
    x = op.x.shape
    axis, sizes = split_sizes(op, x)
    return [(*x[:axis], size, *x[axis + 1 :]) for size in sizes]


def _pad(op: Op) -> list[Shape]:
    x = op.x.shape
    sides = pads_of(op, len(x))
    return [tuple([n + before + after for n, (before, after) in zip(x, sides, strict=True)])]


def _resize(op: Op) -> list[Shape]:
    x = op.x.shape
    sizes, scales = resize_arguments(op)
    axes = op.ints("axes")
    places = [*range(len(x))] if axes is None else [axis_in(op, axis, len(x)) for axis in axes]
    given = sizes if sizes is not None else scales
    if given is None or len(given) != len(places):
        raise op.refuse("bad-model", "it has no size or scale for each axis")
    result = list(x)
    for number, axis in enumerate(places):
        if sizes is not None:
            result[axis] = sizes[number]
        elif scales is not None:
            # A scale is stored as a float32: 2/3 of 96 is 63.999.
            result[axis] = floor(x[axis] * scales[number] + 1e-5)
    return [tuple(result)]


def resize_arguments(op: Op) -> tuple[list[int] | None, list[float] | None]:
    """The sizes of a Resize's result, or its scales."""
    if op.type == "Upsample" or op.version < 11:
        scales = op.attributes.get("scales")
        if isinstance(scales, list):
            return None, [float(scale) for scale in scales]
        return None, op.constant_floats(1)
    sizes = op.constant_ints(3)
    return (sizes, None) if sizes else (None, op.constant_floats(2))


def _gather(op: Op) -> list[Shape]:
    x, indices = op.x.shape, op.input(1).shape
    axis = axis_of(op, len(x))
    return [(*x[:axis], *indices, *x[axis + 1 :])]


def _gather_nd(op: Op) -> list[Shape]:
    x, indices, batch = op.x.shape, op.input(1).shape, op.whole("batch_dims", 0)
    if not indices or batch + indices[-1] > len(x):
        raise op.refuse("bad-model", f"indices {list(indices)} of {list(x)}")
    return [(*indices[:-1], *x[batch + indices[-1] :])]


def _second(op: Op) -> list[Shape]:
    return [op.input(1).shape]


def _blocks(op: Op) -> list[Shape]:
    _ranked(op, op.x.shape, 2)
    batch, channels, *sizes = op.x.shape
    block = op.whole("blocksize", 1)
    area = block * block
    if len(sizes) != 2 or block < 1:
        raise op.refuse("bad-model", f"blocks of {block} in {list(op.x.shape)}")
    if op.type == "DepthToSpace":
        return [(batch, channels // area, *[n * block for n in sizes])]
    return [(batch, channels * area, *[n // block for n in sizes])]


def einsum_terms(op: Op) -> tuple[list[str], str]:
    """The letters of each input's axes, and of the result's."""
    equation = op.text("equation", "").replace(" ", "")
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if "." in equation or len(terms) != len(op.inputs):
        raise op.refuse("unsupported-model", f"the equation {equation[:100]}")
    if not arrow:
        letters = sorted(left.replace(",", ""))
        right = "".join([letter for letter in letters if letters.count(letter) == 1])
    return terms, right


def _einsum(op: Op) -> list[Shape]:
    terms, result = einsum_terms(op)
    sizes: dict[str, int] = {}
    for number, term in enumerate(terms):
        shape = op.input(number).shape
        if len(term) != len(shape):
            raise op.refuse("bad-model", f"'{term}' names the axes of {list(shape)}")
        for letter, size in zip(term, shape, strict=True):
            sizes[letter] = max(size, sizes.get(letter, 1))
    if any(letter not in sizes for letter in result):
        raise op.refuse("bad-model", f"'{result}' names an axis that no input has")
    return [tuple([sizes[letter] for letter in result])]


def _recurrent(op: Op) -> list[Shape]:
    x, weight = op.x.shape, op.input(2).shape
    if len(x) != 3 or len(weight) != 3:
        raise op.refuse("bad-model", f"weights {list(weight)} for an input {list(x)}")
    directions, _, hidden = weight
    if op.whole("layout", 0):
        batch, steps = x[:2]
        state = (batch, directions, hidden)
        every: Shape = (batch, steps, directions, hidden)
    else:
        steps, batch = x[:2]
        state = (directions, batch, hidden)
        every = (steps, directions, batch, hidden)
    return [every, state, state][: len(op.outputs)]


def _top_k(op: Op) -> list[Shape]:
    x = op.x.shape
    axis = axis_of(op, len(x), -1)
    count = op.constant_ints(1) if len(op.inputs) > 1 else [op.whole("k", 1)]
    if not count or not 0 <= count[0] <= x[axis]:
        raise op.refuse("bad-model", f"the largest {count} of {x[axis]}")
    return [(*x[:axis], count[0], *x[axis + 1 :])] * 2


def _grid_sample(op: Op) -> list[Shape]:
    x, grid = op.x.shape, op.input(1).shape
    return [(*x[:2], *grid[1:-1])]


def _attention(op: Op) -> list[Shape]:
    query, value = op.x.shape, op.input(2).shape
    if len(query) == 4 and len(value) == 4:
        return [(*query[:-1], value[-1])]
    _ranked(op, value, 1)
    heads, value_heads = op.whole("q_num_heads", 1), op.whole("kv_num_heads", 1)
    return [(*query[:-1], value[-1] // max(value_heads, 1) * heads)]


def _one_hot(op: Op) -> list[Shape]:
    depth = op.constant_ints(1) or [1]
    x = op.x.shape
    axis = op.whole("axis", -1)
    place = axis_in(op, axis, len(x) + 1)
    return [(*x[:place], depth[0], *x[place:])]


def _norm(op: Op) -> list[Shape]:
    x = op.x.shape
    axis = axis_of(op, len(x), -1)
    reduced = (*x[:axis], *[1 for _ in x[axis:]])
    return [x, reduced, reduced][: len(op.outputs)]


def _batch_norm(op: Op) -> list[Shape]:
    return [op.x.shape, *[op.input(1).shape for _ in op.outputs[1:]]]


def _col2im(op: Op) -> list[Shape]:
    x = op.x.shape
    image, block = op.constant_ints(1) or [], op.constant_ints(2) or []
    if len(x) != 3 or not block or x[1] % max(prod(block), 1):
        raise op.refuse("bad-model", f"blocks of {block} in {list(x)}")
    return [(x[0], x[1] // prod(block), *image)]


_UNARY = (
    *("Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "Sigmoid", "Tanh", "HardSigmoid"),
    *("HardSwish", "Softplus", "Softsign", "Erf", "Exp", "Log", "Sqrt", "Neg", "Abs", "Mish"),
    *("Reciprocal", "Floor", "Ceil", "Round", "Clip", "Softmax", "LogSoftmax", "Hardmax", "Gelu"),
    *("Swish", "ThresholdedRelu", "LpNormalization", "InstanceNormalization", "LRN", "CumSum"),
    *("GroupNormalization", "RMSNormalization", "Cast", "CastLike", "Not", "IsNaN", "IsInf"),
    *("Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Sign", "Trilu", "Shrink"),
    *("ScatterND", "ScatterElements", "Scatter"),
    *("MeanVarianceNormalization", "SimplifiedLayerNormalization", "Identity", "Dropout"),
    *("ReverseSequence", "QuickGelu", "BiasGelu", "FastGelu", "BitwiseNot", "EyeLike"),
)
_BINARY = (
    *("Add", "Sub", "Mul", "Div", "Pow", "Mod", "Max", "Min", "Sum", "Mean", "Equal", "Greater"),
    *("Less", "GreaterOrEqual", "LessOrEqual", "And", "Or", "Xor", "Where", "BitShift"),
    *("BitwiseAnd", "BitwiseOr", "BitwiseXor"),
)
_REDUCTIONS = (
    *("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2"),
    *("ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp"),
)

#: The rule of each operation.
RULES: dict[str, Rule] = {
    **dict.fromkeys(_UNARY, _same),
    **dict.fromkeys(_BINARY, _broadcast),
    **dict.fromkeys(_REDUCTIONS, _reduce),
    "ArgMax": _arg,
    "ArgMin": _arg,
    "Attention": _attention,
    "AveragePool": _pool,
    "BatchNormalization": _batch_norm,
    "Col2Im": _col2im,
    "Concat": _concat,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "DepthToSpace": _blocks,
    "Einsum": _einsum,
    "Expand": lambda op: [expanded(op, op.x.shape)],
    "Flatten": lambda op: [reshaped(op, op.x.shape)],
    "FusedConv": _conv,
    "GRU": _recurrent,
    "Gather": _gather,
    "GatherElements": _second,
    "GatherND": _gather_nd,
    "Gemm": _gemm,
    "GlobalAveragePool": _global_pool,
    "GlobalMaxPool": _global_pool,
    "GridSample": _grid_sample,
    "LSTM": _recurrent,
    "LayerNormalization": _norm,
    "LpPool": _pool,
    "MatMul": _matmul,
    "MaxPool": _pool,
    "MaxUnpool": _max_unpool,
    "OneHot": _one_hot,
    "Pad": _pad,
    "RNN": _recurrent,
    "Reshape": lambda op: [reshaped(op, op.x.shape)],
    "Resize": _resize,
    "Slice": _slice,
    "SpaceToDepth": _blocks,
    "Split": _split,
    "Squeeze": lambda op: [squeezed(op, op.x.shape)],
    "Tile": lambda op: [
        tuple([n * k for n, k in zip(op.x.shape, repeats_of(op, op.x.shape), strict=True)])
    ],
    "TopK": _top_k,
    "Transpose": lambda op: [
        tuple([op.x.shape[axis] for axis in transposed_order(op, len(op.x.shape))])
    ],
    "Unsqueeze": lambda op: [unsqueezed(op, op.x.shape)],
    "Upsample": _resize,
    "adaptive_avgpool": _adaptive,
    "adaptive_maxpool": _adaptive,
}

#: Operations whose results are no numbers of their input's type: the type's number.
_TYPES: dict[str, int] = {
    **dict.fromkeys(
        (
            *("Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual", "And", "Or", "Xor"),
            *("Not", "IsNaN", "IsInf"),
        ),
        BOOL,
    ),
    **dict.fromkeys(("ArgMax", "ArgMin", "NonZero", "Shape", "Size"), INT64),
}


def result_type(op: Op) -> int:
    """The number of the element type of an operation's first result."""
    if op.type in _TYPES:
        return _TYPES[op.type]
    if op.type == "Cast":
        return op.whole("to", 1)
    if op.type == "Where":
        return op.input(1).dtype
    if op.type == "CastLike":
        return op.input(1).dtype
    first = op.given(0)
    return first.dtype if first is not None else 1
