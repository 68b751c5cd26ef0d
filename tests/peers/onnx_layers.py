"""Every kind as operators of ONNX, whose definitions others wrote."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from convcalc.executor.arrays import Array
from convcalc.executor.weights import array_name, array_shapes
from convcalc.graph import Network
from convcalc.layers.base import Layer
from convcalc.shapes import Shape, with_batch
from tests.peers.onnx_format import Graph


class NoCounterpart(Exception):
    """ONNX has no operator for this layer, or none with these arguments."""


class _Case:
    """One layer to be translated: its graph, input names, batched input shapes and weights."""

    def __init__(
        self,
        graph: Graph,
        inputs: Sequence[str],
        shapes: Sequence[Shape],
        weights: Mapping[str, Array],
    ) -> None:
        self.graph = graph
        self.inputs = list(inputs)
        self.shapes = list(shapes)
        self._weights = weights

    @property
    def input(self) -> str:
        return self.inputs[0]

    @property
    def shape(self) -> Shape:
        return self.shapes[0]

    @property
    def rank(self) -> int:
        return len(self.shape) - 2

    def weight(self, name: str = "weight") -> Array:
        return self._weights[name]

    def has(self, name: str) -> bool:
        return name in self._weights

    def constants(self, *names: str) -> list[str]:
        return [self.graph.constant(self.weight(name)) for name in names if self.has(name)]

    def per_channel(self, value: Array) -> str:
        return self.graph.constant(value.reshape(-1, *[1] * self.rank))


def _sides(layer: Any) -> Any:
    """Padding of each axis as (before, after), or a word that ONNX knows as well."""
    if layer.padding != "causal":
        return layer.padding
    dilation = getattr(layer, "dilation", (1,) * len(layer.kernel))
    return [(d * (k - 1), 0) for k, d in zip(layer.kernel, dilation, strict=True)]


def _pads(layer: Any) -> dict[str, Any]:
    sides = _sides(layer)
    if isinstance(sides, str):
        if any(d > 1 for d in getattr(layer, "dilation", ())):
            raise NoCounterpart("automatic padding goes without dilation")
        return {"auto_pad": "SAME_LOWER" if layer.padding == "same_lower" else "SAME_UPPER"}
    before, after = zip(*sides, strict=True)
    return {"pads": [*before, *after]}


def _conv(layer: Any, case: _Case) -> str:
    weight = case.weight()
    if getattr(layer, "flip", False):
        weight = np.flip(weight, tuple(range(2, weight.ndim)))
    return case.graph.add(
        "Conv",
        case.input,
        case.graph.constant(np.ascontiguousarray(weight)),
        *case.constants("bias"),
        strides=layer.stride,
        dilations=layer.dilation,
        group=case.shape[1] // weight.shape[1],
        **_pads(layer),
    )


def _deform_conv(layer: Any, case: _Case) -> str:
    if case.rank != 2:
        raise NoCounterpart("two-dimensional maps only")
    if isinstance(layer.padding, str):
        raise NoCounterpart("there is no automatic padding")
    mask = case.inputs[2:]
    bias = case.constants("bias") or ([""] if mask else [])
    return case.graph.add(
        "DeformConv",
        case.input,
        *case.constants("weight"),
        case.inputs[1],
        *bias,
        *mask,
        kernel_shape=layer.kernel,
        strides=layer.stride,
        dilations=layer.dilation,
        group=layer.groups,
        offset_group=layer.offset_groups,
        **_pads(layer),
    )


def _conv_transpose(layer: Any, case: _Case) -> str:
    if isinstance(layer.padding, str):
        raise NoCounterpart("ConvTranspose has another idea of automatic padding")
    return case.graph.add(
        "ConvTranspose",
        case.input,
        *case.constants("weight", "bias"),
        strides=layer.stride,
        dilations=layer.dilation,
        group=layer.groups,
        output_padding=layer.output_padding or (0,) * case.rank,
        **_pads(layer),
    )


def _maxpool(layer: Any, case: _Case) -> str:
    return _pool("MaxPool", layer, case, dilations=layer.dilation)


def _indices(layer: Any, case: _Case) -> str:
    """ONNX counts places through all maps of all samples."""
    attributes = {"dilations": layer.dilation, **_pooling(layer)}
    _, places = case.graph.several("MaxPool", case.input, outputs=2, **attributes)
    return case.graph.add("Sub", places, _first_places(case, case.shape))


def _first_places(case: _Case, shape: Shape) -> str:
    """The number of the first place of each map, counted through all maps of all samples."""
    batch, channels, *sizes = shape
    starts = np.arange(batch * channels) * int(np.prod(sizes))
    return case.graph.constant(starts.reshape(batch, channels, *[1] * len(sizes)))


def _unpool(layer: Any, case: _Case) -> str:
    if layer.pool.ceil_mode:
        raise NoCounterpart("the runtime wants sides")
    sides = _pooling(layer.pool)
    if "auto_pad" in sides:
        raise NoCounterpart("the runtime wants sides")
    before, after = sides["pads"][: case.rank], sides["pads"][case.rank :]
    windows = zip(case.shape[2:], sides["strides"], sides["kernel_shape"], strict=True)
    spans = [(n - 1) * stride + kernel for n, stride, kernel in windows]
    if any(span <= b + a for span, b, a in zip(spans, before, after, strict=True)):
        raise NoCounterpart("the runtime wants windows that reach beyond the padding")
    entered = case.shapes[2]
    places = case.graph.add("Cast", case.inputs[1], to=7)
    return case.graph.add(
        "MaxUnpool",
        case.input,
        case.graph.add("Add", places, _first_places(case, entered)),
        case.graph.whole(*entered),
        **{name: value for name, value in sides.items() if name != "ceil_mode"},
    )


def _minpool(layer: Any, case: _Case) -> str:
    case.inputs[0] = case.graph.add("Neg", case.input)
    return case.graph.add("Neg", _maxpool(layer, case))


def _avgpool(layer: Any, case: _Case) -> str:
    if layer.count_include_pad and (isinstance(_sides(layer), str) or layer.ceil_mode):
        raise NoCounterpart("the runtime counts the overhang and automatic padding differently")
    return _pool("AveragePool", layer, case, count_include_pad=int(layer.count_include_pad))


def _pool(operator: str, layer: Any, case: _Case, **attributes: Any) -> str:
    return case.graph.add(operator, case.input, **attributes, **_pooling(layer))


def _pooling(layer: Any) -> dict[str, Any]:
    stride, sides = layer.stride or layer.kernel, _sides(layer)
    if isinstance(sides, str):
        if layer.ceil_mode or any(s > k for s, k in zip(stride, layer.kernel, strict=True)):
            raise NoCounterpart("automatic padding goes without ceil_mode and wide strides")
    elif any(max(pair) >= k for pair, k in zip(sides, layer.kernel, strict=True)):
        raise NoCounterpart("padding must be smaller than the undilated kernel")
    return {
        "kernel_shape": layer.kernel,
        "strides": stride,
        "ceil_mode": int(layer.ceil_mode),
        **_pads(layer),
    }


def _global(operator: str) -> Callable[[Any, _Case], str]:
    def translate(layer: Any, case: _Case) -> str:
        if case.rank > 3:
            raise NoCounterpart("the runtime pools three axes at most")
        result = case.graph.add(operator, case.input)
        if layer.keepdims:
            return result
        return case.graph.add("Flatten", result, axis=1)

    return translate


def _adaptive(operator: str) -> Callable[[Any, _Case], str]:
    def translate(layer: Any, case: _Case) -> str:
        sizes = case.shape[2:]
        if any(n % o for n, o in zip(sizes, layer.size, strict=True)):
            raise NoCounterpart("only whole windows")
        windows = [n // o for n, o in zip(sizes, layer.size, strict=True)]
        return case.graph.add(operator, case.input, kernel_shape=windows, strides=windows)

    return translate


def _dense(layer: Any, case: _Case) -> str:
    weight = case.weight()
    if layer.positionwise and case.rank:
        kernel = weight.reshape(*weight.shape, *[1] * case.rank)
        return case.graph.add(
            "Conv", case.input, case.graph.constant(kernel), *case.constants("bias")
        )
    flat = case.graph.add("Flatten", case.input, axis=1)
    return case.graph.add("Gemm", flat, *case.constants("weight", "bias"), transB=1)


def _recurrent(
    operator: str, order: Sequence[int], **attributes: Any
) -> Callable[[Any, _Case], str]:
    """A recurrent operator; `order` lists our gates as ONNX wants them."""

    def translate(layer: Any, case: _Case) -> str:
        batch, _, length = case.shape
        suffixes = ("", "_reverse") if layer.bidirectional else ("",)

        def gates(name: str) -> Array:
            parts = [np.split(case.weight(name + suffix), len(order)) for suffix in suffixes]
            return np.stack([np.concatenate([part[i] for i in order]) for part in parts])

        arrays = [gates("weight_ih"), gates("weight_hh")]
        if layer.bias:
            arrays.append(np.concatenate([gates("bias_ih"), gates("bias_hh")], axis=1))
        steps = case.graph.add("Transpose", case.input, perm=[2, 0, 1])
        states = case.graph.add(
            operator,
            steps,
            *[case.graph.constant(array) for array in arrays],
            hidden_size=layer.units,
            direction="bidirectional" if layer.bidirectional else "forward",
            **attributes,
        )
        # From steps, directions, samples and units to samples and channels.
        turned = case.graph.add("Transpose", states, perm=[2, 1, 3, 0])
        return case.graph.add("Reshape", turned, case.graph.whole(batch, -1, length))

    return translate


def _conv_lstm(layer: Any, case: _Case) -> str:
    """Its steps one after the other, each of convolutions and activations."""
    graph, channels = case.graph, layer.channels
    batch, c_in, length, *sizes = case.shape
    ones = [1] * len(sizes)
    around = [((k - 1) // 2, k // 2) for k in layer.kernel]
    state_pads = [*[before for before, _ in around], *[after for _, after in around]]
    first = graph.constant(case.weight("weight_ih"))
    second = graph.constant(case.weight("weight_hh"))

    def gate(value: str, number: int, operator: str) -> str:
        ends = [graph.whole(end * channels) for end in (number, number + 1)]
        return graph.add(operator, graph.add("Slice", value, *ends, graph.whole(1)))

    steps: list[str] = []
    state = cell = ""
    for step in range(length):
        ends = [graph.whole(step), graph.whole(step + 1)]
        shown = graph.add("Slice", case.input, *ends, graph.whole(2))
        shown = graph.add("Reshape", shown, graph.whole(batch, c_in, *sizes))
        gates = graph.add(
            "Conv",
            shown,
            first,
            *case.constants("bias"),
            strides=layer.stride,
            dilations=layer.dilation,
            **_pads(layer),
        )
        if state:
            more = graph.add("Conv", state, second, strides=ones, pads=state_pads)
            gates = graph.add("Add", gates, more)
        new = graph.add("Mul", gate(gates, 0, "Sigmoid"), gate(gates, 2, "Tanh"))
        if cell:
            new = graph.add("Add", graph.add("Mul", gate(gates, 1, "Sigmoid"), cell), new)
        cell = new
        state = graph.add("Mul", gate(gates, 3, "Sigmoid"), graph.add("Tanh", cell))
        steps.append(graph.add("Unsqueeze", state, graph.whole(2)))
    return graph.add("Concat", *steps, axis=2)


def _batchnorm(layer: Any, case: _Case) -> str:
    channels = case.shape[1]
    scale = case.weight() if case.has("weight") else np.ones(channels)
    shift = case.weight("bias") if case.has("bias") else np.zeros(channels)
    return case.graph.add(
        "BatchNormalization",
        case.input,
        case.graph.constant(scale),
        case.graph.constant(shift),
        *case.constants("running_mean", "running_var"),
        epsilon=layer.eps,
    )


def _scaled(case: _Case, value: str) -> str:
    if case.has("weight"):
        value = case.graph.add("Mul", value, case.per_channel(case.weight()))
        value = case.graph.add("Add", value, case.per_channel(case.weight("bias")))
    return value


def _layernorm(layer: Any, case: _Case) -> str:
    axes = list(range(case.rank + 2))
    last = [0, *axes[2:], 1]
    moved = case.graph.add("Transpose", case.input, perm=last)
    ones = case.graph.constant(np.ones(case.shape[1]))
    normal = case.graph.add("LayerNormalization", moved, ones, axis=-1, epsilon=layer.eps)
    back = case.graph.add("Transpose", normal, perm=[0, axes[-1], *axes[1:-1]])
    return _scaled(case, back)


def _groupnorm(layer: Any, case: _Case) -> str:
    batch, *_ = case.shape
    grouped = case.graph.add("Reshape", case.input, case.graph.whole(batch, layer.groups, -1))
    return _scaled(case, _by_instance(layer, case, grouped, layer.groups))


def _instancenorm(layer: Any, case: _Case) -> str:
    return _scaled(case, _by_instance(layer, case, case.input, case.shape[1]))


def _by_instance(layer: Any, case: _Case, value: str, channels: int) -> str:
    ones, zeros = np.ones(channels), np.zeros(channels)
    constants = [case.graph.constant(ones), case.graph.constant(zeros)]
    normal = case.graph.add("InstanceNormalization", value, *constants, epsilon=layer.eps)
    return case.graph.add("Reshape", normal, case.graph.whole(*case.shape))


def _lrn(layer: Any, case: _Case) -> str:
    if layer.size % 2 == 0 or case.rank != 2:
        raise NoCounterpart("the runtime wants an odd size and a two-dimensional map")
    return case.graph.add(
        "LRN", case.input, size=layer.size, alpha=layer.alpha, beta=layer.beta, bias=layer.k
    )


def _reduced(case: _Case, operator: str, value: str, axes: Sequence[int], keepdims: int = 1) -> str:
    """Of the axes of a value, batch included, some reduced."""
    return case.graph.add(operator, value, case.graph.whole(*axes), keepdims=keepdims)


def _rmsnorm(layer: Any, case: _Case) -> str:
    square = case.graph.add("Mul", case.input, case.input)
    mean = _reduced(case, "ReduceMean", square, [1])
    around = case.graph.add("Add", mean, case.graph.constant(np.array(layer.eps)))
    normal = case.graph.add("Div", case.input, case.graph.add("Sqrt", around))
    if not layer.affine:
        return normal
    return case.graph.add("Mul", normal, case.per_channel(case.weight()))


def _l2norm(layer: Any, case: _Case) -> str:
    if layer.eps > 1e-6:
        raise NoCounterpart("the runtime divides by nothing but the length")
    return case.graph.add("LpNormalization", case.input, axis=1, p=2)


def _grn(layer: Any, case: _Case) -> str:
    length = _reduced(case, "ReduceL2", case.input, range(2, case.rank + 2))
    mean = _reduced(case, "ReduceMean", length, [1])
    around = case.graph.add("Add", mean, case.graph.constant(np.array(layer.eps)))
    share = case.graph.add("Mul", case.input, case.graph.add("Div", length, around))
    return case.graph.add("Add", _scaled(case, share), case.input)


def _operator(name: str, **attributes: Any) -> Callable[[Any, _Case], str]:
    return lambda layer, case: case.graph.add(name, *case.inputs, **attributes)


def _clipped(case: _Case, low: float | None, high: float | None) -> str:
    bounds = ["" if one is None else case.graph.constant(np.array(one)) for one in (low, high)]
    return case.graph.add("Clip", case.input, *bounds)


def _relu6(layer: Any, case: _Case) -> str:
    return _clipped(case, 0.0, 6.0)


def _clip(layer: Any, case: _Case) -> str:
    return _clipped(case, layer.min, layer.max)


def _hard_sigmoid(layer: Any, case: _Case) -> str:
    return case.graph.add("HardSigmoid", case.input, alpha=layer.alpha, beta=layer.beta)


def _pow(layer: Any, case: _Case) -> str:
    return case.graph.add("Pow", case.input, case.graph.constant(np.array(layer.exponent)))


def _rescaling(layer: Any, case: _Case) -> str:
    scaled = case.graph.add("Mul", case.input, case.graph.constant(np.array(layer.factor)))
    return case.graph.add("Add", scaled, case.graph.constant(np.array(layer.offset)))


def _leaky_relu(layer: Any, case: _Case) -> str:
    return case.graph.add("LeakyRelu", case.input, alpha=layer.slope)


def _prelu(layer: Any, case: _Case) -> str:
    return case.graph.add("PRelu", case.input, case.per_channel(case.weight()))


def _alpha(name: str) -> Callable[[Any, _Case], str]:
    return lambda layer, case: case.graph.add(name, case.input, alpha=layer.alpha)


def _silu(layer: Any, case: _Case) -> str:
    return case.graph.add("Mul", case.input, case.graph.add("Sigmoid", case.input))


def _softmax(layer: Any, case: _Case) -> str:
    batch, channels, *sizes = case.shape
    groups = case.graph.whole(batch, layer.groups, channels // layer.groups, *sizes)
    split = case.graph.add("Reshape", case.input, groups)
    result = case.graph.add("Softmax", split, axis=2)
    return case.graph.add("Reshape", result, case.graph.whole(*case.shape))


def _unchanged(layer: Any, case: _Case) -> str:
    return case.graph.add("Identity", case.input)


def _reshape(layer: Any, case: _Case) -> str:
    return case.graph.add("Reshape", case.input, case.graph.whole(case.shape[0], *layer.shape))


def _transpose(layer: Any, case: _Case) -> str:
    return case.graph.add("Transpose", case.input, perm=[0, *[axis + 1 for axis in layer.order]])


def _pad(layer: Any, case: _Case) -> str:
    before, after = zip(*layer.padding, strict=True)
    modes = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    if layer.mode != "zeros" and min(*before, *after) < 0:
        raise NoCounterpart("the runtime crops with a constant only")
    pads = case.graph.whole(0, 0, *before, 0, 0, *after)
    value = [case.graph.constant(np.array(layer.value))] if layer.mode == "zeros" else []
    return case.graph.add("Pad", case.input, pads, *value, mode=modes[layer.mode])


def _sliced(
    case: _Case, axes: Sequence[int], starts: Sequence[int], stops: Sequence[int], step: int = 1
) -> str:
    whole = case.graph.whole
    steps = whole(*[step] * len(axes))
    return case.graph.add("Slice", case.input, whole(*starts), whole(*stops), whole(*axes), steps)


def _crop(layer: Any, case: _Case) -> str:
    before, after = zip(*layer.padding, strict=True)
    stops = [size - cut for size, cut in zip(case.shape[2:], after, strict=True)]
    return _sliced(case, range(2, case.rank + 2), before, stops)


def _slice(layer: Any, case: _Case) -> str:
    start, stop = layer.channels
    return _sliced(case, [layer.axis + 1], [start], [stop], layer.step)


def _gather(layer: Any, case: _Case) -> str:
    indices = case.graph.whole(*layer.indices)
    return case.graph.add("Gather", case.input, indices, axis=layer.axis + 1)


def _broadcast(layer: Any, case: _Case) -> str:
    # A size of 1 leaves an axis as it is.
    sizes = [1, *[1 if size == -1 else size for size in layer.shape]]
    return case.graph.add("Expand", case.input, case.graph.whole(*sizes))


def _reduction(operator: str) -> Callable[[Any, _Case], str]:
    def translate(layer: Any, case: _Case) -> str:
        axes = [axis + 1 for axis in layer.axes]
        return _reduced(case, operator, case.input, axes, int(layer.keepdims))

    return translate


def _upsample(layer: Any, case: _Case) -> str:
    if layer.mode != "nearest" and case.rank != 2:
        raise NoCounterpart("the runtime interpolates two-dimensional maps only")
    coordinates = layer.coordinates or ("asymmetric" if layer.mode == "nearest" else "half_pixel")
    how: dict[str, Any] = {"coordinate_transformation_mode": coordinates}
    if layer.mode == "nearest":
        how["nearest_mode"] = "floor" if coordinates == "asymmetric" else "round_prefer_ceil"
    mode = {"nearest": "nearest", "bilinear": "linear", "bicubic": "cubic"}[layer.mode]
    if layer.factor:
        if layer.output_shape([case.shape[1:]]) == case.shape[1:]:
            raise NoCounterpart("the runtime copies an input of the output's size")
        factors = [f.numerator / f.denominator for f in layer.factor]
        if layer.mode == "nearest" and any(
            f.denominator & (f.denominator - 1) for f in layer.factor
        ):
            raise NoCounterpart("the runtime rounds factors, and so mistakes which is nearest")
        scales = case.graph.constant(np.array([1.0, 1.0, *factors], np.float32))
        return case.graph.add("Resize", case.input, "", scales, mode=mode, **how)
    target = case.graph.whole(*case.shape[:2], *layer.size)
    return case.graph.add("Resize", case.input, "", "", target, mode=mode, **how)


def _pixel_shuffle(layer: Any, case: _Case) -> str:
    if case.rank != 2:
        raise NoCounterpart("two-dimensional maps only")
    return case.graph.add("DepthToSpace", case.input, blocksize=layer.factor, mode="CRD")


def _pixel_unshuffle(layer: Any, case: _Case) -> str:
    if case.rank != 2:
        raise NoCounterpart("two-dimensional maps only")
    # ONNX has the channels of a block innermost, PyTorch its offsets.
    batch, channels, height, width = case.shape
    f = layer.factor
    blocks = case.graph.add("SpaceToDepth", case.input, blocksize=f)
    sizes = (height // f, width // f)
    split = case.graph.add("Reshape", blocks, case.graph.whole(batch, f * f, channels, *sizes))
    turned = case.graph.add("Transpose", split, perm=[0, 2, 1, 3, 4])
    return case.graph.add("Reshape", turned, case.graph.whole(batch, channels * f * f, *sizes))


def _of_channels(operator: str) -> Callable[[Any, _Case], str]:
    return lambda layer, case: _reduced(case, operator, case.input, [1])


def _channel_shuffle(layer: Any, case: _Case) -> str:
    batch, channels, *sizes = case.shape
    groups = case.graph.whole(batch, layer.groups, channels // layer.groups, *sizes)
    split = case.graph.add("Reshape", case.input, groups)
    order = [0, 2, 1, *range(3, 3 + len(sizes))]
    dealt = case.graph.add("Transpose", split, perm=order)
    return case.graph.add("Reshape", dealt, case.graph.whole(*case.shape))


def _scale(layer: Any, case: _Case) -> str:
    factor = case.weight() if layer.learned else np.array([layer.init])
    return case.graph.add("Mul", case.input, case.per_channel(factor))


def _constant(name: str) -> Callable[[Any, _Case], str]:
    def translate(layer: Any, case: _Case) -> str:
        value = case.weight(name)
        shape = case.graph.whole(case.shape[0], *value.shape)
        return case.graph.add("Expand", case.graph.constant(value), shape)

    return translate


def _folded(operator: str) -> Callable[[Any, _Case], str]:
    def translate(layer: Any, case: _Case) -> str:
        first, *others = case.inputs
        for other in others:
            first = case.graph.add(operator, first, other)
        return first

    return translate


def _concat(layer: Any, case: _Case) -> str:
    return case.graph.add("Concat", *case.inputs, axis=layer.axis + 1)


# Attention, as matrix products between reshapes.


def _in_windows(case: _Case, value: str, shape: Shape, layer: Any) -> str:
    """(batch, channels, *sizes) as (batch, heads, windows, channels of a head, positions)."""
    graph, (batch, channels, *sizes) = case.graph, shape
    rank, heads = len(sizes), layer.heads
    window, dilation = layer.window or sizes, layer.dilation
    for axis, (n, taps, by) in enumerate(zip(sizes, window, layer.shift, strict=True)):
        if by and n != taps:
            value = _rolled(graph, value, axis + 2, n, by)
    split = [
        number
        for n, taps, apart in zip(sizes, window, dilation, strict=True)
        for number in (n // taps // apart, taps, apart)
    ]
    value = graph.add("Reshape", value, graph.whole(batch, heads, channels // heads, *split))
    outer = [place for axis in range(rank) for place in (3 + 3 * axis, 5 + 3 * axis)]
    order = [0, 1, *outer, 2, *[4 + 3 * axis for axis in range(rank)]]
    value = graph.add("Transpose", value, perm=order)
    return graph.add(
        "Reshape", value, graph.whole(batch, heads, -1, channels // heads, int(np.prod(window)))
    )


def _rolled(graph: Graph, value: str, axis: int, n: int, by: int) -> str:
    """The positions of an axis from `by` on, then those before."""
    whole = graph.whole
    parts = [
        graph.add("Slice", value, whole(start), whole(stop), whole(axis))
        for start, stop in ((by, n), (0, by))
    ]
    return graph.add("Concat", *parts, axis=axis)


def _from_windows(case: _Case, value: str, channels: int, sizes: Shape, layer: Any) -> str:
    """The opposite."""
    graph, batch, rank = case.graph, case.shape[0], len(sizes)
    window, dilation = layer.window or sizes, layer.dilation
    axes = list(zip(sizes, window, dilation, strict=True))
    outer = [number for n, taps, apart in axes for number in (n // taps // apart, apart)]
    head = channels // layer.heads
    value = graph.add("Reshape", value, graph.whole(batch, layer.heads, *outer, head, *window))
    last = 2 + 2 * rank
    order = [0, 1, last]
    for axis in range(rank):
        order += [2 + 2 * axis, last + 1 + axis, 3 + 2 * axis]
    value = graph.add("Transpose", value, perm=order)
    value = graph.add("Reshape", value, graph.whole(batch, channels, *sizes))
    for axis, (n, taps, by) in enumerate(zip(sizes, window, layer.shift, strict=True)):
        if by and n != taps:
            value = _rolled(graph, value, axis + 2, n, n - by)
    return value


def _pairs_in_one_part(layer: Any, sizes: Shape) -> Array:
    """Which keys and queries of each window are kept: those on one side of every shift."""
    kept = np.ones((1, 1, 1), bool)
    if layer.window is None:
        return kept
    for n, taps, shift, apart in zip(sizes, layer.window, layer.shift, layer.dilation, strict=True):
        by = shift if n != taps else 0
        side = np.roll(np.arange(n) < by, -by).reshape(-1, taps, apart)
        side = side.swapaxes(1, 2).reshape(-1, taps)
        along = side[:, :, None] == side[:, None, :]
        count = len(kept) * len(along)
        size = kept.shape[1] * taps
        kept = (kept[:, None, :, None, :, None] & along[None, :, None, :, None, :]).reshape(
            count, size, size
        )
    return kept


def _attention_norm(layer: Any, case: _Case) -> str:
    graph, (batch, channels, *sizes) = case.graph, case.shape
    heads = graph.whole(batch, layer.heads, channels // layer.heads, *sizes)
    split = graph.add("Reshape", case.input, heads)
    unit = graph.add("LpNormalization", split, axis=2, p=2)
    if layer.scaled:
        factors = case.weight().reshape(-1, *[1] * (1 + len(sizes)))
        unit = graph.add("Mul", unit, graph.constant(factors))
    return graph.add("Reshape", unit, graph.whole(*case.shape))


def _attention_scores(layer: Any, case: _Case) -> str:
    graph, (query, key) = case.graph, case.shapes
    sizes, window = key[2:], layer.window or key[2:]
    queries = _of_query(case, case.inputs[0], query, layer)
    keys = graph.add(
        "Transpose", _in_windows(case, case.inputs[1], key, _for(layer, key)), perm=[0, 1, 2, 4, 3]
    )
    products = graph.add("MatMul", keys, queries)
    kept = _pairs_in_one_part(layer, sizes)
    products = graph.add("Add", products, graph.constant(np.where(kept, 0.0, -np.inf)))
    channels = layer.heads * int(np.prod(window))
    return _from_windows(case, products, channels, query[2:], _for(layer, query))


def _of_query(case: _Case, value: str, shape: Shape, layer: Any) -> str:
    return _in_windows(case, value, shape, _for(layer, shape))


def _for(layer: Any, shape: Shape) -> Any:
    """The layer as it is on a map with other axes, where it has no windows."""
    if layer.window is not None:
        return layer
    rank = len(shape) - 2
    return layer.replace(dilation=(1,) * rank, shift=(0,) * rank)


def _attention_bias(layer: Any, case: _Case) -> str:
    graph, (_, channels, *sizes) = case.graph, case.shape
    window = layer.window or tuple(sizes)
    places = list(np.ndindex(*window))
    if layer.form == "continuous":
        table = _continuous_bias(window, case)
    else:
        table = case.weight("bias")
    numbers = np.empty((layer.heads, 1, len(places), len(places)))
    for j, key in enumerate(places):
        for i, query in enumerate(places):
            offset = np.subtract(query, key)
            at = abs(offset) if layer.form == "distance" else offset + np.array(window) - 1
            every_head = (slice(None), *at)
            numbers[:, 0, j, i] = table[every_head]
    split = _in_windows(case, case.input, case.shape, layer)
    biased = graph.add("Add", split, graph.constant(numbers))
    return _from_windows(case, biased, channels, tuple(sizes), layer)


def _continuous_bias(window: Shape, case: _Case) -> Array:
    """Swin v2's numbers for all offsets; NumPy, because a runtime is no better at it."""
    table = np.empty((len(case.weight()), *[2 * n - 1 for n in window]))
    for at in np.ndindex(table.shape[1:]):
        far = [8 * (i - n + 1) / max(n - 1, 1) for i, n in zip(at, window, strict=True)]
        place = np.sign(far) * np.log2(np.abs(far) + 1.0) / np.log2(8)
        hidden = case.weight("hidden_weight") @ place + case.weight("hidden_bias")
        logits = case.weight() @ np.maximum(hidden, 0)
        every_head = (slice(None), *at)
        table[every_head] = 16 / (1 + np.exp(-logits))
    return table


def _attention_values(layer: Any, case: _Case) -> str:
    graph, (probabilities, value) = case.graph, case.shapes
    shares = _of_query(case, case.inputs[0], probabilities, layer)
    kept = _pairs_in_one_part(layer, value[2:])
    shares = graph.add("Mul", shares, graph.constant(kept.astype(np.float64)))
    values = _in_windows(case, case.inputs[1], value, _for(layer, value))
    sums = graph.add("MatMul", values, shares)
    return _from_windows(case, sums, value[1], probabilities[2:], _for(layer, probabilities))


TRANSLATIONS: dict[str, Callable[[Any, _Case], str]] = {
    "conv": _conv,
    "depthwise": _conv,
    "conv_transpose": _conv_transpose,
    "maxpool": _maxpool,
    "indices": _indices,
    "unpool": _unpool,
    "minpool": _minpool,
    "avgpool": _avgpool,
    "global_maxpool": _global("GlobalMaxPool"),
    "global_avgpool": _global("GlobalAveragePool"),
    "adaptive_maxpool": _adaptive("MaxPool"),
    "adaptive_avgpool": _adaptive("AveragePool"),
    "channel_maxpool": _of_channels("ReduceMax"),
    "channel_avgpool": _of_channels("ReduceMean"),
    "dense": _dense,
    "lstm": _recurrent("LSTM", [0, 3, 1, 2]),
    "conv_lstm": _conv_lstm,
    "gru": _recurrent("GRU", [1, 0, 2], linear_before_reset=1),
    "batchnorm": _batchnorm,
    "layernorm": _layernorm,
    "groupnorm": _groupnorm,
    "instancenorm": _instancenorm,
    "lrn": _lrn,
    "rmsnorm": _rmsnorm,
    "l2norm": _l2norm,
    "grn": _grn,
    "relu": _operator("Relu"),
    "relu6": _relu6,
    "clip": _clip,
    "leaky_relu": _leaky_relu,
    "prelu": _prelu,
    "elu": _alpha("Elu"),
    "selu": _operator("Selu"),
    "celu": _alpha("Celu"),
    "gelu": _operator("Gelu"),
    "silu": _silu,
    "mish": _operator("Mish"),
    "softplus": _operator("Softplus"),
    "sigmoid": _operator("Sigmoid"),
    "hard_sigmoid": _hard_sigmoid,
    "hard_swish": _operator("HardSwish"),
    "tanh": _operator("Tanh"),
    "softmax": _softmax,
    "pow": _pow,
    "sqrt": _operator("Sqrt"),
    "rescaling": _rescaling,
    "dropout": _unchanged,
    "stochastic_depth": _unchanged,
    "identity": _unchanged,
    "flatten": _operator("Flatten", axis=1),
    "reshape": _reshape,
    "transpose": _transpose,
    "pad": _pad,
    "crop": _crop,
    "upsample": _upsample,
    "pixel_shuffle": _pixel_shuffle,
    "pixel_unshuffle": _pixel_unshuffle,
    "channel_shuffle": _channel_shuffle,
    "slice": _slice,
    "gather": _gather,
    "broadcast": _broadcast,
    "reduce_mean": _reduction("ReduceMean"),
    "reduce_max": _reduction("ReduceMax"),
    "reduce_sum": _reduction("ReduceSum"),
    "scale": _scale,
    "parameter": _constant("weight"),
    "buffer": _constant("value"),
    "add": _folded("Add"),
    "sub": _operator("Sub"),
    "mul": _folded("Mul"),
    "div": _operator("Div"),
    "concat": _concat,
    "matmul": _operator("MatMul"),
    "deform_conv": _deform_conv,
    "attention_norm": _attention_norm,
    "attention_scores": _attention_scores,
    "attention_bias": _attention_bias,
    "attention_values": _attention_values,
}


def translated(
    layer: Layer,
    graph: Graph,
    inputs: Sequence[str],
    shapes: Sequence[Shape],
    weights: Mapping[str, Array],
) -> str:
    """A layer added to a graph; shapes with the batch axis. Raises NoCounterpart."""
    return TRANSLATIONS[layer.kind](layer, _Case(graph, inputs, shapes, weights))


def onnx_model(
    network: Network, weights: Mapping[str, Array], batch: int = 1, dtype: str = "float32"
) -> bytes:
    """A whole network as an ONNX model; its outputs are in the order of `network.outputs`."""
    graph = Graph(dtype)
    names: list[str] = []
    for index, node in enumerate(network.nodes):
        if not node.inputs:
            names.append(graph.input(node.path, with_batch(node.shape, batch)))
            continue
        owner = index if node.shares is None else node.shares
        own = {
            name: weights[array_name(network.nodes[owner], name)]
            for name in array_shapes(network, owner)
        }
        shapes = [with_batch(network.nodes[i].shape, batch) for i in node.inputs]
        inputs = [names[i] for i in node.inputs]
        names.append(translated(node.layer, graph, inputs, shapes, own))
    for index in network.outputs.values():
        graph.output(names[index])
    return graph.model()
