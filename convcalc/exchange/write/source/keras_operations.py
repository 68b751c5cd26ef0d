"""Every kind as layers and functions of Keras, channels last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from convcalc.exchange.write.counterparts import NoCounterpart
from convcalc.exchange.write.source.operations import Operation, Step, alike, chain, function
from convcalc.shapes import Shape

#: A layer with the shapes that enter it, channels first, as steps.
Translation = Callable[[Any, Sequence[Shape]], list[Step]]


def _rank(shapes: Sequence[Shape]) -> int:
    return len(shapes[0]) - 1


def _plane(name: str, rank: int, after: str = "D") -> str:
    """A layer that exists for one, two and three axes."""
    if not 1 <= rank <= 3:
        raise NoCounterpart(f"{name} takes one to three spatial axes")
    return f"layers.{name}{rank}{after}"


def _axis(axis: int) -> int:
    """An axis counted without the batch, 0 being the channels, where the channels are last."""
    return axis or -1


def _sides(sides: Sequence[tuple[int, int]]) -> Any:
    """Padding as its layers take it."""
    numbers = {side for pair in sides for side in pair}
    if len(numbers) == 1:
        return numbers.pop()
    return tuple(sides[0]) if len(sides) == 1 else tuple([tuple(pair) for pair in sides])


def _padded(sides: Sequence[tuple[int, int]], rank: int) -> Operation:
    return Operation("pad", _plane("ZeroPadding", rank), {"padding": _sides(sides)}, plain=1)


def _cropped(sides: Sequence[tuple[int, int]], rank: int) -> Operation:
    return Operation("crop", _plane("Cropping", rank), {"cropping": _sides(sides)}, plain=1)


def _check_steps(layer: Any) -> None:
    """Refuses what Keras's convolutions refuse."""
    if max(layer.stride) > 1 and max(layer.dilation) > 1:
        raise NoCounterpart("strides and dilations cannot both be above 1")


def _windowed(layer: Any, shapes: Sequence[Shape]) -> tuple[str, Any]:
    """The word for the padding of a convolution, and what has to be padded before it."""
    _check_steps(layer)
    if layer.padding == "same":
        return "same", None
    sides = layer.settled(shapes).padding
    if not any(map(any, sides)):
        return "valid", None
    # Keras's `same` pads otherwise where there is a stride, so that all pad in one way here.
    return "valid", sides


_DEFAULTS = {
    "strides": 1,
    "padding": "valid",
    "dilation_rate": 1,
    "groups": 1,
    "depth_multiplier": 1,
    "use_bias": True,
}


def _conv(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    rank = _rank(shapes)
    if layer.flip:
        raise NoCounterpart("kernels are not turned")
    word, before = _windowed(layer, shapes)
    padded = [_padded(before, rank)] if before else []
    if layer.groups == shapes[0][0] > 1 and rank < 3:
        return chain(*padded, _depthwise_conv(layer, shapes, word, layer.channels // layer.groups))
    values = {
        "filters": layer.channels,
        "kernel_size": alike(layer.kernel),
        "strides": alike(layer.stride),
        "padding": word,
        "dilation_rate": alike(layer.dilation),
        "groups": layer.groups,
        "use_bias": layer.bias,
    }
    conv = Operation("conv", _plane("Conv", rank), values, defaults=_DEFAULTS, plain=2)
    return chain(*padded, conv)


def _depthwise_conv(layer: Any, shapes: Sequence[Shape], word: str, multiplier: int) -> Operation:
    if len(set(layer.stride)) > 1:
        raise NoCounterpart("DepthwiseConv takes equal strides")
    values = {
        "kernel_size": alike(layer.kernel),
        "strides": alike(layer.stride),
        "padding": word,
        "depth_multiplier": multiplier,
        "dilation_rate": alike(layer.dilation),
        "use_bias": layer.bias,
    }
    callee = _plane("DepthwiseConv", _rank(shapes))
    return Operation("depthwise", callee, values, defaults=_DEFAULTS, plain=1)


def _depthwise(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    rank = _rank(shapes)
    if rank > 2:
        raise NoCounterpart("DepthwiseConv takes one or two spatial axes")
    word, before = _windowed(layer, shapes)
    padded = [_padded(before, rank)] if before else []
    return chain(*padded, _depthwise_conv(layer, shapes, word, layer.multiplier))


def _conv_transpose(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    rank = _rank(shapes)
    if layer.groups > 1:
        raise NoCounterpart("Conv2DTranspose knows no groups")
    _check_steps(layer)
    layer = layer.settled(shapes)
    extra = alike(layer.output_padding)
    values = {
        "filters": layer.channels,
        "kernel_size": alike(layer.kernel),
        "strides": alike(layer.stride),
        "output_padding": extra or None,
        "dilation_rate": alike(layer.dilation),
        "use_bias": layer.bias,
    }
    if extra:
        # Keras's output_padding must be smaller than the stride, and says how large the result is.
        raise NoCounterpart("its output_padding is another one")
    callee = _plane("Conv", rank, "DTranspose")
    defaults = {**_DEFAULTS, "output_padding": None}
    conv = Operation("conv", callee, values, defaults=defaults, plain=2)
    # Keras fills up to a whole stride where a kernel is smaller.
    missing = [max(0, stride - k) for stride, k in zip(layer.stride, layer.kernel, strict=True)]
    sides = [
        (before, after + more) for (before, after), more in zip(layer.padding, missing, strict=True)
    ]
    return chain(conv, *([_cropped(sides, rank)] if any(map(any, sides)) else []))


# Pooling.


def _pool(name: str) -> Translation:
    def translate(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
        rank, average = _rank(shapes), name == "AveragePooling"
        if not average and set(layer.dilation) != {1}:
            raise NoCounterpart("MaxPooling knows no dilation")
        kernel, stride = alike(layer.kernel), alike(layer.stride or layer.kernel)
        values = {"pool_size": kernel, "strides": stride, "padding": "valid"}
        defaults = {"strides": kernel, "padding": "valid"}
        before: list[Operation] = []
        word = layer.padding == "same" or (average and _is_same(layer, shapes))
        if word and not (average and layer.count_include_pad):
            values["padding"] = "same"
        else:
            sides = [
                (w.before, max(w.after, (w.out - 1) * w.stride + w.extent - w.n - w.before))
                for w in layer.windows(shapes)
            ]
            windows = layer.windows(shapes)
            grown = any(w.after != after for w, (_, after) in zip(windows, sides, strict=True))
            if average and any(map(any, sides)):
                if grown or not layer.count_include_pad:
                    raise NoCounterpart("AveragePooling counts padding otherwise")
                before = [_padded(sides, rank)]
            elif any(map(any, sides)):
                pads = ((0, 0), *[tuple(pair) for pair in sides], (0, 0))
                text = "ops.pad({0}, {pads}, constant_values=-math.inf)"
                before = [Operation("pad", "", {"pads": pads}, text=text)]
        pool = Operation("pool", _plane(name, rank), values, defaults=defaults, plain=2)
        return chain(*before, pool)

    return translate


def _is_same(layer: Any, shapes: Sequence[Shape]) -> bool:
    """Whether a window of one step pads as the word `same` does."""
    sides = [tuple(pair) for pair in layer.settled(shapes).padding]
    steps = layer.stride or layer.kernel
    return set(steps) == {1} and sides == [((k - 1) // 2, k // 2) for k in layer.kernel]


def _global(name: str, reduction: str) -> Translation:
    def translate(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
        rank = _rank(shapes)
        if rank > 3:
            axes = tuple(range(1, 1 + rank))
            return function("pool", f"ops.{reduction}({{0}}, {axes}, keepdims={layer.keepdims})")
        values = {"keepdims": layer.keepdims}
        return chain(Operation("pool", _plane(name, rank), values, defaults={"keepdims": False}))

    return translate


def _adaptive(name: str) -> Translation:
    def translate(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
        sizes = shapes[0][1:]
        if any(n % out for n, out in zip(sizes, layer.size, strict=True)):
            raise NoCounterpart("there is no pooling into windows of different sizes")
        windows = [n // out for n, out in zip(sizes, layer.size, strict=True)]
        values = {"pool_size": alike(windows)}
        return chain(Operation("pool", _plane(name, _rank(shapes)), values, plain=1))

    return translate


# Products.


def _dense(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    values = {"units": layer.units, "use_bias": layer.bias}
    dense = Operation("dense", "layers.Dense", values, defaults={"use_bias": True}, plain=1)
    flat = _rank(shapes) and not layer.positionwise
    return chain(*([Operation("flatten", "layers.Flatten")] if flat else []), dense)


def _recurrent(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    if layer.kind == "lstm" and layer.bias:
        raise NoCounterpart("Keras's LSTM has one bias, not two")
    if not layer.bias:
        raise NoCounterpart("without biases its gates are computed otherwise")
    values = {"units": layer.units, "return_sequences": True}
    if not layer.bidirectional:
        return chain(Operation(layer.kind, "layers.GRU", values, plain=1))
    text = "layers.Bidirectional(layers.GRU({units}, return_sequences=True))({0})"
    return function(layer.kind, text, units=layer.units)


# Normalisation.


def _affine(layer: Any) -> dict[str, bool]:
    return {"center": layer.affine, "scale": layer.affine}


_NORM_DEFAULTS = {"center": True, "scale": True, "epsilon": 1e-3}


def _norm(name: str) -> Translation:
    def translate(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
        values = {"epsilon": layer.eps, **_affine(layer)}
        return chain(Operation("norm", f"layers.{name}", values, defaults=_NORM_DEFAULTS))

    return translate


def _groupnorm(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    groups = layer.groups if layer.kind == "groupnorm" else -1
    values = {"groups": groups, "epsilon": layer.eps, **_affine(layer)}
    return chain(
        Operation("norm", "layers.GroupNormalization", values, defaults=_NORM_DEFAULTS, plain=1)
    )


def _rmsnorm(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    if not layer.affine:
        raise NoCounterpart("RMSNormalization learns factors")
    return chain(Operation("norm", "layers.RMSNormalization", {"epsilon": layer.eps}))


def _l2norm(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    text = "ops.normalize({0}, axis=-1, epsilon={epsilon})"
    return function("norm", text, epsilon=layer.eps)


def _grn(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    values = {"epsilon": layer.eps}
    defaults = {"epsilon": 1e-6}
    return chain(Operation("norm", "GlobalResponseNormalization", values, defaults=defaults))


# Functions of one element.


def _activation(name: str) -> Translation:
    def translate(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
        return chain(Operation("activation", "layers.Activation", {"activation": name}, plain=1))

    return translate


def _alpha(name: str, callee: str, field: str, argument: str, usual: float) -> Translation:
    def translate(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
        value = getattr(layer, field)
        if name and value == usual:
            return _activation(name)(layer, shapes)
        if callee.startswith("ops."):
            return function("activation", f"{callee}({{0}}, {{{argument}}})", **{argument: value})
        return chain(Operation("activation", callee, {argument: value}))

    return translate


def _clip(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    if layer.min is None:
        return function("clip", "ops.minimum({0}, {most})", most=layer.max)
    if layer.max is None:
        return function("clip", "ops.maximum({0}, {least})", least=layer.min)
    return function("clip", "ops.clip({0}, {least}, {most})", least=layer.min, most=layer.max)


def _prelu(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    rank = _rank(shapes)
    axes = list(range(1, 1 + rank)) + ([] if layer.per_channel else [rank + 1])
    values = {"shared_axes": axes or None}
    return chain(Operation("activation", "layers.PReLU", values, defaults={"shared_axes": None}))


def _hard_sigmoid(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    if (layer.alpha, layer.beta) == (1 / 6, 0.5):
        return _activation("hard_sigmoid")(layer, shapes)
    text = "ops.clip({0} * {alpha} + {beta}, 0, 1)"
    return function("activation", text, alpha=layer.alpha, beta=layer.beta)


def _softmax(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    if layer.groups > 1:
        raise NoCounterpart("there is no softmax of groups of channels")
    return _activation("softmax")(layer, shapes)


def _pow(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    return function("pow", "{0} ** {exponent}", exponent=layer.exponent)


def _rescaling(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    values = {"scale": layer.factor, "offset": layer.offset}
    return chain(
        Operation("rescaling", "layers.Rescaling", values, defaults={"offset": 0.0}, plain=1)
    )


def _scale(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    if not layer.learned:
        return function("scale", "{0} * {factor}", factor=layer.init)
    values = {"init": layer.init, "per_channel": layer.per_channel}
    defaults = {"init": 1.0, "per_channel": True}
    return chain(Operation("scale", "Scale", values, defaults=defaults, plain=1))


# What moves values.


def _dropout(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    return chain(Operation("dropout", "layers.Dropout", {"rate": layer.rate}, plain=1))


def _stochastic_depth(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    noise = (None, *[1] * len(shapes[0]))
    values = {"rate": layer.rate, "noise_shape": noise}
    return chain(Operation("depth", "layers.Dropout", values, plain=1))


def _reshape(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    shape = tuple(layer.output_shape(shapes))
    if shape[0] == shapes[0][0]:
        values = {"target_shape": (*shape[1:], shape[0])}
        return chain(Operation("reshape", "layers.Reshape", values, plain=1))
    return function("reshape", "reshape({0}, {shape})", shape=shape)


def _transpose(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    rank = _rank(shapes)
    places = [axis or rank + 1 for axis in layer.order]
    perm = (0, *places[1:], places[0])
    return function("transpose", "ops.transpose({0}, {perm})", perm=perm)


def _pad(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    rank = _rank(shapes)
    cut = [(max(-before, 0), max(-after, 0)) for before, after in layer.padding]
    added = [(max(before, 0), max(after, 0)) for before, after in layer.padding]
    cropped = [_cropped(cut, rank)] if any(map(any, cut)) else []
    if layer.mode == "zeros" and layer.value == 0:
        return chain(*cropped, _padded(added, rank))
    pads = ((0, 0), *added, (0, 0))
    if layer.mode == "reflect":
        text = 'ops.pad({0}, {pads}, mode="reflect")'
        return chain(*cropped, Operation("pad", "", {"pads": pads}, text=text))
    if layer.mode == "zeros":
        text = "ops.pad({0}, {pads}, constant_values={value})"
        values = {"pads": pads, "value": layer.value}
        return chain(*cropped, Operation("pad", "", values, text=text))
    raise NoCounterpart(f"there is no padding {layer.mode}")


def _crop(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    return chain(_cropped(layer.padding, _rank(shapes)))


def _upsample(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    rank, coordinates = _rank(shapes), layer.argument("coordinates")
    nearest = layer.mode == "nearest"
    sizes = shapes[0][1:]
    out = layer.output_shape(shapes)[1:]
    whole = not any(b % a for a, b in zip(sizes, out, strict=True))
    if coordinates == "align_corners" or (not nearest and coordinates != "half_pixel"):
        raise NoCounterpart("the places of pixels are others")
    if rank != 2 and not (nearest and whole):
        raise NoCounterpart("it resizes two spatial axes, or by whole factors")
    if whole and (nearest or layer.factor):
        factors = [b // a for a, b in zip(sizes, out, strict=True)]
        values: dict[str, Any] = {"size": alike(factors)}
        if rank == 2:
            values["interpolation"] = layer.mode
        defaults = {"interpolation": "nearest"}
        callee = _plane("UpSampling", rank)
        return chain(Operation("upsample", callee, values, defaults=defaults, plain=1))
    if nearest or layer.factor:
        raise NoCounterpart("it resizes by whole factors")
    values = {"height": out[0], "width": out[1], "interpolation": layer.mode}
    defaults = {"interpolation": "bilinear"}
    return chain(Operation("upsample", "layers.Resizing", values, defaults=defaults, plain=2))


def _pixels(name: str) -> Translation:
    def translate(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
        if _rank(shapes) != 2:
            raise NoCounterpart("it takes two spatial axes")
        return function("pixels", f"{name}({{0}}, {{factor}})", factor=layer.factor)

    return translate


def _channel_shuffle(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    return function("shuffle", "channel_shuffle({0}, {groups})", groups=layer.groups)


def _slice(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    start, stop = layer.channels
    before = ":, " * layer.axis if layer.axis else "..., "
    step = "" if layer.step == 1 else f":{layer.step}"
    return function("slice", f"{{0}}[{before}{{start}}:{{stop}}{step}]", start=start, stop=stop)


def _gather(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    text = f"ops.take({{0}}, {{indices}}, axis={_axis(layer.axis)})"
    return function("gather", text, indices=list(layer.indices))


def _broadcast(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    pairs = zip(shapes[0], layer.output_shape(shapes), strict=True)
    first, *others = [out if n == 1 else 1 for n, out in pairs]
    return function("broadcast", "ops.tile({0}, {times})", times=(1, *others, first))


def _reduction(name: str) -> Translation:
    def translate(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
        left = len(shapes[0]) - len(layer.axes)
        if not layer.keepdims and 0 in layer.axes and left > 1:
            raise NoCounterpart("another axis would take the place of the channels")
        axes = tuple([_axis(axis) for axis in layer.axes])
        text = f"ops.{name}({{0}}, {{axis}}, keepdims={layer.keepdims})"
        return function("reduce", text, axis=axes[0] if len(axes) == 1 else axes)

    return translate


def _of_channels(name: str) -> Translation:
    return lambda layer, shapes: function("pool", f"ops.{name}({{0}}, -1, keepdims=True)")


def _constant(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    if layer.kind == "parameter" and layer.learned is not None:
        raise NoCounterpart("its elements share numbers")
    first, *others = layer.output_shape(shapes)
    values = {"shape": (*others, first), "learned": layer.kind == "parameter"}
    return chain(Operation("constant", "Constant", values, defaults={"learned": True}, plain=1))


def _joined(sign: str) -> Translation:
    def translate(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
        text = f" {sign} ".join(f"{{{place}}}" for place in range(len(shapes)))
        return function(layer.kind, text, len(shapes))

    return translate


def _concat(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    parts = ", ".join(f"{{{place}}}" for place in range(len(shapes)))
    text = f"ops.concatenate([{parts}], axis={_axis(layer.axis)})"
    return function("concat", text, len(shapes))


def _none(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    raise NoCounterpart


def attention(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    """An attention as a whole, of a query, a key and a value."""
    if layer.window is not None or layer.position_bias != "none" or layer.similarity != "dot":
        raise NoCounterpart("it attends to all positions, without a position bias")
    return function("attention", "attention({0}, {1}, {2}, {heads})", 3, heads=layer.heads)


TRANSLATIONS: dict[str, Translation] = {
    "conv": _conv,
    "depthwise": _depthwise,
    "conv_transpose": _conv_transpose,
    "deform_conv": _none,
    "maxpool": _pool("MaxPooling"),
    "indices": _none,
    "unpool": _none,
    "minpool": _none,
    "avgpool": _pool("AveragePooling"),
    "global_maxpool": _global("GlobalMaxPooling", "max"),
    "global_avgpool": _global("GlobalAveragePooling", "mean"),
    "adaptive_maxpool": _adaptive("MaxPooling"),
    "adaptive_avgpool": _adaptive("AveragePooling"),
    "channel_maxpool": _of_channels("max"),
    "channel_avgpool": _of_channels("mean"),
    "dense": _dense,
    "lstm": _recurrent,
    "gru": _recurrent,
    "conv_lstm": _none,
    "batchnorm": _norm("BatchNormalization"),
    "layernorm": _norm("LayerNormalization"),
    "groupnorm": _groupnorm,
    "instancenorm": _groupnorm,
    "lrn": _none,
    "rmsnorm": _rmsnorm,
    "l2norm": _l2norm,
    "grn": _grn,
    "relu": _activation("relu"),
    "relu6": _activation("relu6"),
    "clip": _clip,
    "leaky_relu": _alpha("", "layers.LeakyReLU", "slope", "negative_slope", 0.3),
    "prelu": _prelu,
    "elu": _alpha("elu", "layers.ELU", "alpha", "alpha", 1.0),
    "selu": _activation("selu"),
    "celu": _alpha("celu", "ops.celu", "alpha", "alpha", 1.0),
    "gelu": _activation("gelu"),
    "silu": _activation("silu"),
    "mish": _activation("mish"),
    "softplus": _activation("softplus"),
    "sigmoid": _activation("sigmoid"),
    "hard_sigmoid": _hard_sigmoid,
    "hard_swish": _activation("hard_silu"),
    "tanh": _activation("tanh"),
    "softmax": _softmax,
    "pow": _pow,
    "sqrt": lambda layer, shapes: function("sqrt", "ops.sqrt({0})"),
    "rescaling": _rescaling,
    "dropout": _dropout,
    "stochastic_depth": _stochastic_depth,
    "identity": lambda layer, shapes: chain(Operation("identity", "layers.Identity")),
    "flatten": lambda layer, shapes: chain(Operation("flatten", "layers.Flatten")),
    "reshape": _reshape,
    "transpose": _transpose,
    "pad": _pad,
    "crop": _crop,
    "upsample": _upsample,
    "pixel_shuffle": _pixels("pixel_shuffle"),
    "pixel_unshuffle": _pixels("pixel_unshuffle"),
    "channel_shuffle": _channel_shuffle,
    "slice": _slice,
    "gather": _gather,
    "broadcast": _broadcast,
    "reduce_mean": _reduction("mean"),
    "reduce_max": _reduction("max"),
    "reduce_sum": _reduction("sum"),
    "scale": _scale,
    "parameter": _constant,
    "buffer": _constant,
    "add": _joined("+"),
    "sub": _joined("-"),
    "mul": _joined("*"),
    "div": _joined("/"),
    "concat": _concat,
    "matmul": _none,
}
