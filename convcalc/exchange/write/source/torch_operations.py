"""Every kind as modules and functions of PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from convcalc.exchange.write.counterparts import NoCounterpart
from convcalc.exchange.write.source.operations import Operation, Step, Word, alike, chain, function
from convcalc.shapes import Shape

#: A layer with the shapes that enter it as steps.
Translation = Callable[[Any, Sequence[Shape]], list[Step]]


def _rank(shapes: Sequence[Shape]) -> int:
    return len(shapes[0]) - 1


def _plane(name: str, rank: int) -> str:
    """A module that exists for one, two and three axes."""
    if not 1 <= rank <= 3:
        raise NoCounterpart(f"{name} takes one to three spatial axes")
    return f"nn.{name}{rank}d"


def _padded(sides: Sequence[tuple[int, int]], rank: int, value: float = 0.0) -> Operation:
    """Padding as a module, negative where positions are cut off; the last axis comes first."""
    flat = [side for pair in reversed(sides) for side in pair]
    padding = {"padding": alike(flat) if len(set(flat)) == 1 else tuple(flat)}
    if value == 0.0:
        return Operation("pad", _plane("ZeroPad", rank), padding, plain=1)
    values = {**padding, "value": Word('float("-inf")') if value < -1e38 else value}
    return Operation("pad", _plane("ConstantPad", rank), values, plain=2)


def _split(layer: Any, shapes: Sequence[Shape]) -> tuple[Any, Any]:
    """What a module pads itself, the same on both sides, and what has to be padded before it."""
    sides = layer.settled(shapes).padding
    if all(before == after for before, after in sides):
        return alike([before for before, _ in sides]), None
    return 0, sides


_CONV_DEFAULTS = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": True}


def _conv(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    rank, channels = _rank(shapes), shapes[0][0]
    if layer.kind == "conv" and layer.flip:
        raise NoCounterpart("kernels are not turned")
    deep = layer.kind == "depthwise"
    own, before = _split(layer, shapes)
    values = {
        "in_channels": channels,
        "out_channels": channels * layer.multiplier if deep else layer.channels,
        "kernel_size": alike(layer.kernel),
        "stride": alike(layer.stride),
        "padding": own,
        "dilation": alike(layer.dilation),
        "groups": channels if deep else layer.groups,
        "bias": layer.bias,
    }
    conv = Operation("conv", _plane("Conv", rank), values, defaults=_CONV_DEFAULTS, plain=3)
    return chain(*([_padded(before, rank)] if before else []), conv)


def _conv_transpose(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    rank = _rank(shapes)
    layer = layer.settled(shapes)
    even = all(before == after for before, after in layer.padding)
    values = {
        "in_channels": shapes[0][0],
        "out_channels": layer.channels,
        "kernel_size": alike(layer.kernel),
        "stride": alike(layer.stride),
        "padding": alike([before for before, _ in layer.padding]) if even else 0,
        "output_padding": alike(layer.output_padding),
        "groups": layer.groups,
        "bias": layer.bias,
        "dilation": alike(layer.dilation),
    }
    defaults = {**_CONV_DEFAULTS, "output_padding": 0}
    conv = Operation("conv", _plane("ConvTranspose", rank), values, defaults=defaults, plain=3)
    cut = [(-before, -after) for before, after in layer.padding]
    return chain(conv, *([] if even else [_padded(cut, rank)]))


def _deform_conv(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    if _rank(shapes) != 2:
        raise NoCounterpart("torchvision's takes two spatial axes")
    own, before = _split(layer, shapes)
    if before is not None:
        raise NoCounterpart("torchvision's pads both sides alike")
    values = {
        "in_channels": shapes[0][0],
        "out_channels": layer.channels,
        "kernel_size": alike(layer.kernel),
        "stride": alike(layer.stride),
        "padding": own,
        "dilation": alike(layer.dilation),
        "groups": layer.groups,
        "bias": layer.bias,
    }
    inputs = ", ".join(["{0}", "{1}", "{2}"][: len(shapes)])
    conv = Operation(
        "conv",
        "torchvision.ops.DeformConv2d",
        values,
        defaults=_CONV_DEFAULTS,
        plain=3,
        text=f"{{self}}({inputs})",
    )
    return [Step(conv, range(len(shapes)))]


_POOL_DEFAULTS = {
    "padding": 0,
    "dilation": 1,
    "ceil_mode": False,
    "count_include_pad": True,
}


def _pool_values(layer: Any, own: Any) -> dict[str, Any]:
    values = {
        "kernel_size": alike(layer.kernel),
        "stride": alike(layer.stride or layer.kernel),
        "padding": own,
    }
    if layer.kind != "avgpool":
        values["dilation"] = alike(layer.dilation)
    return {**values, "ceil_mode": layer.ceil_mode}


def _pool_split(layer: Any, shapes: Sequence[Shape]) -> tuple[Any, Any]:
    """As for convolutions; a pooling pads no more than half of its kernel itself."""
    own, before = _split(layer, shapes)
    sides = layer.settled(shapes).padding
    if before is None and all(
        2 * one <= k for (one, _), k in zip(sides, layer.kernel, strict=True)
    ):
        return own, None
    if layer.ceil_mode:
        raise NoCounterpart("its padding does not go with ceil_mode")
    return 0, sides


def _maxpool(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    rank = _rank(shapes)
    own, before = _pool_split(layer, shapes)
    padded = [_padded(before, rank, -float("inf"))] if before else []
    values = _pool_values(layer, own)
    defaults = {**_POOL_DEFAULTS, "stride": values["kernel_size"]}
    pool = Operation("pool", _plane("MaxPool", rank), values, defaults=defaults, plain=2)
    return chain(*padded, pool)


def _minpool(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    rank = _rank(shapes)
    own, before = _pool_split(layer, shapes)
    if before:
        raise NoCounterpart("its padding is not the same on both sides, or too large")
    values = _pool_values(layer, own)
    numbers = ", ".join(f"{{{name}}}" for name in values)
    text = f"-F.max_pool{rank}d(-{{0}}, {numbers})"
    return function("pool", text, **values)


def _avgpool(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    rank = _rank(shapes)
    own, before = _pool_split(layer, shapes)
    if before and not layer.count_include_pad:
        raise NoCounterpart("padding that differs from side to side is counted")
    values = {**_pool_values(layer, own), "count_include_pad": layer.count_include_pad}
    defaults = {**_POOL_DEFAULTS, "stride": values["kernel_size"]}
    pool = Operation("pool", _plane("AvgPool", rank), values, defaults=defaults, plain=2)
    return chain(*([_padded(before, rank)] if before else []), pool)


def _indices(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    rank = _rank(shapes)
    own, before = _pool_split(layer, shapes)
    if before:
        raise NoCounterpart("its padding is not the same on both sides, or too large")
    values = _pool_values(layer, own)
    numbers = ", ".join(f"{{{name}}}" for name in values)
    text = f"F.max_pool{rank}d({{0}}, {numbers}, return_indices=True)[1]"
    return function("indices", text, **values)


def _unpool(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    rank = _rank(shapes)
    own, before = _pool_split(layer.pool, [shapes[2]])
    if before:
        raise NoCounterpart("its padding is not the same on both sides, or too large")
    pool = layer.pool
    values = {"kernel_size": alike(pool.kernel), "stride": alike(pool.stride or pool.kernel)}
    text = (
        f"F.max_unpool{rank}d({{0}}, {{1}}, {{kernel_size}}, {{stride}}, {{padding}}, {{2}}.shape)"
    )
    return function("unpool", text, 3, **values, padding=own)


def _global(name: str, method: str) -> Translation:
    def translate(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
        rank = _rank(shapes)
        if rank > 3:
            axes = tuple(range(2, 2 + rank))
            text = f"{{0}}.{method}({axes}, keepdim={layer.keepdims})"
            return function("pool", text)
        pool = Operation("pool", _plane(name, rank), {"output_size": 1}, plain=1)
        return chain(pool, *([] if layer.keepdims else [Operation("flatten", "nn.Flatten")]))

    return translate


def _adaptive(name: str) -> Translation:
    def translate(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
        size = {"output_size": alike(layer.size)}
        return chain(Operation("pool", _plane(name, _rank(shapes)), size, plain=1))

    return translate


def _dense(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    rank, channels = _rank(shapes), shapes[0][0]
    defaults = {"bias": True}
    if layer.positionwise and rank:
        callee = _plane("Conv", rank) if rank <= 3 else "PositionwiseLinear"
        values = {"in_channels": channels, "out_channels": layer.units, "bias": layer.bias}
        plain = 2
        if rank <= 3:
            values = {
                "in_channels": channels,
                "out_channels": layer.units,
                "kernel_size": 1,
                "bias": layer.bias,
            }
            plain = 3
        return chain(Operation("dense", callee, values, defaults=defaults, plain=plain))
    values = {"in_features": prod(shapes[0]), "out_features": layer.units, "bias": layer.bias}
    linear = Operation("dense", "nn.Linear", values, defaults=defaults, plain=2)
    return chain(*([Operation("flatten", "nn.Flatten")] if rank else []), linear)


def _recurrent(name: str) -> Translation:
    def translate(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
        values = {
            "input_size": shapes[0][0],
            "hidden_size": layer.units,
            "bias": layer.bias,
            "batch_first": True,
            "bidirectional": layer.bidirectional,
        }
        defaults = {"bias": True, "bidirectional": False}
        text = "{self}({0}.transpose(1, 2))[0].transpose(1, 2)"
        return [Step(Operation(layer.kind, name, values, defaults=defaults, plain=2, text=text))]

    return translate


def _conv_lstm(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    rank = _rank(shapes) - 1
    own, before = _split(layer, shapes)
    if before is not None:
        raise NoCounterpart("its padding differs from side to side")
    if any(k % 2 == 0 for k in layer.kernel):
        raise NoCounterpart("an even kernel does not keep the size of its state")
    values = {
        "in_channels": shapes[0][0],
        "channels": layer.channels,
        "kernel_size": alike(layer.kernel),
        "stride": alike(layer.stride),
        "padding": own,
        "dilation": alike(layer.dilation),
        "bias": layer.bias,
    }
    defaults = {name: _CONV_DEFAULTS[name] for name in values if name in _CONV_DEFAULTS}
    return chain(Operation("conv_lstm", f"ConvLSTM{rank}d", values, defaults=defaults, plain=3))


# Normalisation.


def _norm(name: str, planes: bool, affine: bool) -> Translation:
    def translate(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
        rank = _rank(shapes)
        callee = _plane(name, max(rank, 1)) if planes else f"nn.{name}"
        values = {"num_features": shapes[0][0], "eps": layer.eps, "affine": layer.affine}
        defaults = {"eps": 1e-5, "affine": affine}
        return chain(Operation("norm", callee, values, defaults=defaults, plain=1))

    return translate


def _instancenorm(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    if prod(shapes[0][1:]) == 1:
        raise NoCounterpart("InstanceNorm takes more than one position")
    return _norm("InstanceNorm", planes=True, affine=False)(layer, shapes)


def _layernorm(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    callee = "ChannelNorm" if _rank(shapes) else "nn.LayerNorm"
    values = {"channels": shapes[0][0], "eps": layer.eps, "elementwise_affine": layer.affine}
    defaults = {"eps": 1e-5, "elementwise_affine": True}
    return chain(Operation("norm", callee, values, defaults=defaults, plain=1))


def _groupnorm(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    values = {
        "num_groups": layer.groups,
        "num_channels": shapes[0][0],
        "eps": layer.eps,
        "affine": layer.affine,
    }
    defaults = {"eps": 1e-5, "affine": True}
    return chain(Operation("norm", "nn.GroupNorm", values, defaults=defaults, plain=2))


def _lrn(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    if not _rank(shapes):
        raise NoCounterpart("LocalResponseNorm takes spatial axes")
    values = {"size": layer.size, "alpha": layer.alpha, "beta": layer.beta, "k": layer.k}
    defaults = {"alpha": 1e-4, "beta": 0.75, "k": 1.0}
    return chain(Operation("norm", "nn.LocalResponseNorm", values, defaults=defaults, plain=1))


def _rmsnorm(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    values = {"channels": shapes[0][0], "eps": layer.eps, "elementwise_affine": layer.affine}
    defaults = {"elementwise_affine": True}
    return chain(Operation("norm", "ChannelRMSNorm", values, defaults=defaults, plain=2))


def _l2norm(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    return function("norm", "F.normalize({0}, dim=1, eps={eps})", eps=layer.eps)


def _grn(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    values = {"channels": shapes[0][0], "rank": _rank(shapes), "eps": layer.eps}
    defaults = {"rank": 2, "eps": 1e-6}
    return chain(Operation("norm", "GlobalResponseNorm", values, defaults=defaults, plain=1))


# Functions of one element. One without arguments is a value, so that a block can take it.


def _activation(module: str, bare: str = "") -> Translation:
    def translate(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
        return chain(
            Operation("activation", "{activation}", {"activation": Word(module)}, bare=bare)
        )

    return translate


def _with(module: str, field: str, name: str, usual: float) -> Translation:
    def translate(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
        value = getattr(layer, field)
        if value == usual:
            return _activation(module)(layer, shapes)
        return chain(Operation("activation", module, {name: value}, plain=1))

    return translate


def _clip(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    values = {name: value for name in ("min", "max") if (value := getattr(layer, name)) is not None}
    arguments = ", ".join(f"{name}={{{name}}}" for name in values)
    return function("clip", f"{{0}}.clamp({arguments})", **values)


def _prelu(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    values = {"num_parameters": shapes[0][0] if layer.per_channel else 1}
    return chain(
        Operation("activation", "nn.PReLU", values, defaults={"num_parameters": 1}, plain=1)
    )


def _hard_sigmoid(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    if (layer.alpha, layer.beta) == (1 / 6, 0.5):
        return _activation("nn.Hardsigmoid", "F.hardsigmoid({0})")(layer, shapes)
    text = "({0} * {alpha} + {beta}).clamp(0, 1)"
    return function("activation", text, alpha=layer.alpha, beta=layer.beta)


def _softmax(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    if layer.groups == 1:
        return chain(
            Operation("activation", "nn.Softmax", {"dim": 1}, plain=0, bare="{0}.softmax(1)")
        )
    text = "{0}.unflatten(1, ({groups}, -1)).softmax(2).flatten(1, 2)"
    return function("activation", text, groups=layer.groups)


def _pow(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    return function("pow", "{0} ** {exponent}", exponent=layer.exponent)


def _rescaling(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    values = {"factor": layer.factor, "offset": layer.offset}
    return function("rescaling", "{0} * {factor} + {offset}", **values)


def _scale(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    if not layer.learned:
        return function("scale", "{0} * {factor}", factor=layer.init)
    values = {
        "channels": shapes[0][0] if layer.per_channel else 1,
        "init": layer.init,
        "rank": _rank(shapes),
    }
    return chain(Operation("scale", "Scale", values, defaults={"init": 1.0, "rank": 2}, plain=1))


# What moves values.


def _module(kind: str, name: str, field: str = "", **defaults: Any) -> Translation:
    def translate(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
        values = {} if not field else {field: getattr(layer, field)}
        if field == "rate":
            values = {"p": layer.rate}
        return chain(Operation(kind, name, values, defaults=defaults, plain=1))

    return translate


def _flatten(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    return chain(Operation("flatten", "nn.Flatten", bare="{0}.flatten(1)"))


def _resolved(layer: Any, shapes: Sequence[Shape]) -> Shape:
    shape: Shape = layer.output_shape(shapes)
    return shape


def _reshape(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    # As it is written, with the one size that follows from the others, if there is one.
    return function("reshape", "{0}.reshape(len({0}), *{shape})", shape=tuple(layer.shape))


def _transpose(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    order = tuple([axis + 1 for axis in layer.order])
    return function("transpose", "{0}.permute(0, *{order})", order=order)


def _pad(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    rank = _rank(shapes)
    if layer.mode == "zeros":
        return chain(_padded(layer.padding, rank, layer.value))
    cut = [(min(before, 0), min(after, 0)) for before, after in layer.padding]
    added = [(max(before, 0), max(after, 0)) for before, after in layer.padding]
    flat = [side for pair in reversed(added) for side in pair]
    names = {"reflect": "ReflectionPad", "replicate": "ReplicationPad", "circular": "CircularPad"}
    pad = Operation("pad", _plane(names[layer.mode], rank), {"padding": tuple(flat)}, plain=1)
    return chain(*([_padded(cut, rank)] if any(map(any, cut)) else []), pad)


def _crop(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    cut = [(-before, -after) for before, after in layer.padding]
    return chain(_padded(cut, _rank(shapes)))


def _upsample(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    rank, coordinates = _rank(shapes), layer.argument("coordinates")
    values: dict[str, Any] = {}
    if layer.size:
        values["size"] = alike(layer.size)
    else:
        factors = [
            f.numerator if f.denominator == 1 else f.numerator / f.denominator for f in layer.factor
        ]
        values["scale_factor"] = alike(factors)
    if layer.mode == "nearest":
        modes = {"asymmetric": "nearest", "half_pixel": "nearest-exact"}
        if coordinates not in modes:
            raise NoCounterpart("the nearest position is found otherwise")
        values["mode"] = modes[coordinates]
    else:
        if coordinates == "asymmetric":
            raise NoCounterpart("the places of pixels are others")
        modes = {"bilinear": ("linear", "bilinear", "trilinear")[rank - 1], "bicubic": "bicubic"}
        if layer.mode == "bicubic" and rank != 2:
            raise NoCounterpart("bicubic interpolation takes two spatial axes")
        values["mode"] = modes[layer.mode]
        values["align_corners"] = coordinates == "align_corners"
    defaults = {"mode": "nearest", "align_corners": False}
    return chain(Operation("upsample", "nn.Upsample", values, defaults=defaults))


def _pixels(name: str, field: str) -> Translation:
    def translate(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
        if _rank(shapes) != 2:
            raise NoCounterpart(f"{name} takes two spatial axes")
        return chain(Operation("pixels", f"nn.{name}", {field: layer.factor}, plain=1))

    return translate


def _channel_shuffle(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    if _rank(shapes):
        return _module("shuffle", "nn.ChannelShuffle", "groups")(layer, shapes)
    text = "{0}.unflatten(1, ({groups}, -1)).mT.flatten(1)"
    return function("shuffle", text, groups=layer.groups)


def _slice(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    start, stop = layer.channels
    before = ":, " * (layer.axis + 1)
    step = "" if layer.step == 1 else f":{layer.step}"
    text = f"{{0}}[{before}{{start}}:{{stop}}{step}]"
    return function("slice", text, start=start, stop=stop)


def _gather(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    before = ":, " * (layer.axis + 1)
    return function("gather", f"{{0}}[{before}{{indices}}]", indices=list(layer.indices))


def _broadcast(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    return function("broadcast", "{0}.expand(-1, *{shape})", shape=tuple(layer.shape))


def _reduction(method: str) -> Translation:
    def translate(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
        axes = tuple([axis + 1 for axis in layer.axes])
        text = f"{{0}}.{method}({{axes}}, keepdim={layer.keepdims})"
        return function("reduce", text, axes=axes[0] if len(axes) == 1 else axes)

    return translate


def _constant(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    if layer.kind == "parameter" and layer.learned is not None:
        raise NoCounterpart("its elements share numbers")
    callee = "LearnedConstant" if layer.kind == "parameter" else "FixedConstant"
    values = {"shape": tuple(_resolved(layer, shapes))}
    return chain(Operation("constant", callee, values, plain=1))


def _joined(sign: str) -> Translation:
    def translate(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
        count = len(shapes)
        text = f" {sign} ".join(f"{{{place}}}" for place in range(count))
        return function(layer.kind, text, count)

    return translate


def _concat(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    count = len(shapes)
    parts = ", ".join(f"{{{place}}}" for place in range(count))
    return function("concat", f"torch.cat([{parts}], dim={layer.axis + 1})", count)


def attention(layer: Any, shapes: Sequence[Shape]) -> list[Step]:
    """An attention as a whole, of a query, a key and a value."""
    query = shapes[0]
    plain = layer.window is None and layer.position_bias == "none"
    if plain and layer.similarity == "dot":
        text = "attention({0}, {1}, {2}, {heads}"
        if not layer.dropout:
            return function("attention", text + ")", 3, heads=layer.heads)
    rank = len(query) - 1
    values: dict[str, Any] = {
        "heads": layer.heads,
        "size": tuple(query[1:]),
        "window": layer.window,
        "shift": layer.shift if layer.window and any(layer.shift) else None,
        "dilation": layer.dilation if layer.window and set(layer.dilation) != {1} else None,
        "position_bias": layer.position_bias,
        "cosine": layer.similarity == "cosine",
        "dropout": layer.dropout,
    }
    defaults = {
        "window": None,
        "shift": None,
        "dilation": None,
        "position_bias": "none",
        "cosine": False,
        "dropout": 0.0,
    }
    if rank > 3:
        raise NoCounterpart("attention takes one to three spatial axes")
    text = "{self}({0}, {1}, {2})"
    leaf = Operation("attention", "Attention", values, defaults=defaults, plain=2, text=text)
    return [Step(leaf, range(3))]


TRANSLATIONS: dict[str, Translation] = {
    "conv": _conv,
    "depthwise": _conv,
    "conv_transpose": _conv_transpose,
    "deform_conv": _deform_conv,
    "maxpool": _maxpool,
    "indices": _indices,
    "unpool": _unpool,
    "minpool": _minpool,
    "avgpool": _avgpool,
    "global_maxpool": _global("AdaptiveMaxPool", "amax"),
    "global_avgpool": _global("AdaptiveAvgPool", "mean"),
    "adaptive_maxpool": _adaptive("AdaptiveMaxPool"),
    "adaptive_avgpool": _adaptive("AdaptiveAvgPool"),
    "channel_maxpool": lambda layer, shapes: function("pool", "{0}.amax(1, keepdim=True)"),
    "channel_avgpool": lambda layer, shapes: function("pool", "{0}.mean(1, keepdim=True)"),
    "dense": _dense,
    "lstm": _recurrent("nn.LSTM"),
    "gru": _recurrent("nn.GRU"),
    "conv_lstm": _conv_lstm,
    "batchnorm": _norm("BatchNorm", planes=True, affine=True),
    "layernorm": _layernorm,
    "groupnorm": _groupnorm,
    "instancenorm": _instancenorm,
    "lrn": _lrn,
    "rmsnorm": _rmsnorm,
    "l2norm": _l2norm,
    "grn": _grn,
    "relu": _activation("nn.ReLU", "F.relu({0})"),
    "relu6": _activation("nn.ReLU6", "F.relu6({0})"),
    "clip": _clip,
    "leaky_relu": _with("nn.LeakyReLU", "slope", "negative_slope", 0.01),
    "prelu": _prelu,
    "elu": _with("nn.ELU", "alpha", "alpha", 1.0),
    "selu": _activation("nn.SELU", "F.selu({0})"),
    "celu": _with("nn.CELU", "alpha", "alpha", 1.0),
    "gelu": _activation("nn.GELU", "F.gelu({0})"),
    "silu": _activation("nn.SiLU", "F.silu({0})"),
    "mish": _activation("nn.Mish", "F.mish({0})"),
    "softplus": _activation("nn.Softplus", "F.softplus({0})"),
    "sigmoid": _activation("nn.Sigmoid", "{0}.sigmoid()"),
    "hard_sigmoid": _hard_sigmoid,
    "hard_swish": _activation("nn.Hardswish", "F.hardswish({0})"),
    "tanh": _activation("nn.Tanh", "{0}.tanh()"),
    "softmax": _softmax,
    "pow": _pow,
    "sqrt": lambda layer, shapes: function("sqrt", "{0}.sqrt()"),
    "rescaling": _rescaling,
    "dropout": _module("dropout", "nn.Dropout", "rate", p=0.5),
    "stochastic_depth": _module("depth", "StochasticDepth", "rate"),
    "identity": _module("identity", "nn.Identity"),
    "flatten": lambda layer, shapes: chain(
        Operation("flatten", "nn.Flatten", bare="{0}.flatten(1)")
    ),
    "reshape": _reshape,
    "transpose": _transpose,
    "pad": _pad,
    "crop": _crop,
    "upsample": _upsample,
    "pixel_shuffle": _pixels("PixelShuffle", "upscale_factor"),
    "pixel_unshuffle": _pixels("PixelUnshuffle", "downscale_factor"),
    "channel_shuffle": _channel_shuffle,
    "slice": _slice,
    "gather": _gather,
    "broadcast": _broadcast,
    "reduce_mean": _reduction("mean"),
    "reduce_max": _reduction("amax"),
    "reduce_sum": _reduction("sum"),
    "scale": _scale,
    "parameter": _constant,
    "buffer": _constant,
    "add": _joined("+"),
    "sub": _joined("-"),
    "mul": _joined("*"),
    "div": _joined("/"),
    "concat": _concat,
    "matmul": _joined("@"),
}
