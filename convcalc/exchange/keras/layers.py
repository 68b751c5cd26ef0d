"""The layers of Keras, as functions that add their nodes.

Each takes what enters, in Keras's order of axes, and the layer's configuration. Sources are Keras's
documents of the layers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from convcalc.exchange.assembly import Fused
from convcalc.exchange.axes import Adder, Value, channels_last, joined, opaque, reshaped
from convcalc.exchange.keras.configs import Config, items_of
from convcalc.shapes import elements

#: Adds the nodes of a layer to what enters it.
Make = Callable[[Adder, Sequence[Value], Config], Value]

#: Activations by Keras's names, and what computes them here.
_ACTIVATIONS: Mapping[str, Sequence[Fused]] = {
    "linear": (),
    "relu": (("relu", {}),),
    "relu6": (("relu6", {}),),
    "leaky_relu": (("leaky_relu", {"slope": 0.2}),),
    "elu": (("elu", {}),),
    "selu": (("selu", {}),),
    "celu": (("celu", {}),),
    "gelu": (("gelu", {}),),
    "silu": (("silu", {}),),
    "swish": (("silu", {}),),
    "mish": (("mish", {}),),
    "softplus": (("softplus", {}),),
    "sigmoid": (("sigmoid", {}),),
    "hard_sigmoid": (("hard_sigmoid", {}),),
    "hard_silu": (("hard_swish", {}),),
    "hard_swish": (("hard_swish", {}),),
    "hard_tanh": (("clip", {"min": -1, "max": 1}),),
    "tanh": (("tanh", {}),),
    "softmax": (("softmax", {}),),
}
#: hard_sigmoid before Keras 3.
_OLD_HARD_SIGMOID: Sequence[Fused] = (("hard_sigmoid", {"alpha": 0.2, "beta": 0.5}),)


# --- What several layers share --------------------------------------------------------------------


def only(add: Adder, values: Sequence[Value]) -> Value:
    """The one value that enters."""
    if len(values) != 1:
        raise add.mistake(f"one value should enter, not {len(values)}")
    return values[0]


def mapped(add: Adder, values: Sequence[Value], config: Config, rank: int) -> Value:
    """The one map that enters, with so many spatial axes, its channels where the file has them."""
    value = only(add, values)
    if len(value.order) != rank + 1:
        raise add.mistake(f"{rank} spatial axes should enter, and one of channels")
    last = config.text("data_format", "channels_last") != "channels_first"
    return add.with_channels(value, -1 if last else 0)


def activated(add: Adder, value: Value, config: Config, key: str = "activation") -> Value:
    """The value after an activation that is a word, or a configuration with one."""
    given = config.values.get(key)
    if isinstance(given, dict):
        inner = given.get("config")
        if isinstance(inner, str):
            given = inner
        else:
            word = given.get("class_name")
            if not isinstance(word, str) or word not in LAYERS or not isinstance(inner, dict):
                raise add.unread(f"the activation {word!r:.60} is not read")
            return LAYERS[word](add, [value], Config(inner, add.mistake))
    if given is None:
        return value
    if not isinstance(given, str):
        raise config.bad(key, "the name of an activation")
    return named_activation(add, value, given.rpartition(">")[2])


def _padding(config: Config) -> str:
    return config.text("padding", "valid")


# --- Convolutions ---------------------------------------------------------------------------------


def conv(rank: int) -> Make:
    """Conv1D, Conv2D, Conv3D."""

    def make(add: Adder, values: Sequence[Value], config: Config) -> Value:
        value = mapped(add, values, config, rank)
        channels, groups = config.whole("filters"), config.whole("groups", 1)
        arguments: dict[str, Any] = {
            "kernel": config.wholes("kernel_size", rank),
            "stride": config.wholes("strides", rank, 1),
            "padding": _padding(config),
            "dilation": config.wholes("dilation_rate", rank, 1),
            "bias": config.flag("use_bias", True),
        }
        kind = "depthwise"
        if not 1 < groups == channels == add.shape(value)[0]:
            kind = "conv"
            arguments.update(channels=channels, groups=groups)
        index = add.node(kind, [value.at], **arguments)
        return activated(add, value._replace(at=index, single=True), config)

    return make


def depthwise(rank: int) -> Make:
    """DepthwiseConv1D, DepthwiseConv2D."""

    def make(add: Adder, values: Sequence[Value], config: Config) -> Value:
        value = mapped(add, values, config, rank)
        index = add.node(
            "depthwise",
            [value.at],
            kernel=config.wholes("kernel_size", rank),
            stride=config.wholes("strides", rank, 1),
            padding=_padding(config),
            dilation=config.wholes("dilation_rate", rank, 1),
            multiplier=config.whole("depth_multiplier", 1),
            bias=config.flag("use_bias", True),
        )
        return activated(add, value._replace(at=index, single=True), config)

    return make


def separable(rank: int) -> Make:
    """SeparableConv1D, SeparableConv2D: a depthwise convolution, and one of 1x1."""

    def make(add: Adder, values: Sequence[Value], config: Config) -> Value:
        value = mapped(add, values, config, rank)
        index = add.node(
            "depthwise",
            [value.at],
            "depthwise",
            kernel=config.wholes("kernel_size", rank),
            stride=config.wholes("strides", rank, 1),
            padding=_padding(config),
            dilation=config.wholes("dilation_rate", rank, 1),
            multiplier=config.whole("depth_multiplier", 1),
            bias=False,
        )
        index = add.node(
            "conv",
            [index],
            "pointwise",
            channels=config.whole("filters"),
            kernel=1,
            bias=config.flag("use_bias", True),
        )
        return activated(add, value._replace(at=index, single=True), config)

    return make


def conv_transpose(rank: int) -> Make:
    """Conv1DTranspose, Conv2DTranspose, Conv3DTranspose."""

    def make(add: Adder, values: Sequence[Value], config: Config) -> Value:
        value = mapped(add, values, config, rank)
        kernel = config.wholes("kernel_size", rank)
        stride = config.wholes("strides", rank, 1)
        dilation = config.wholes("dilation_rate", rank, 1)
        arguments: dict[str, Any] = {}
        if config.has("output_padding"):
            arguments["output_padding"] = config.wholes("output_padding", rank, low=0)
        elif _padding(config) == "valid":
            # A stride beyond the kernel leaves no gap at the end.
            extents = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
            arguments["output_padding"] = [
                max(s - k, 0) for s, k in zip(stride, extents, strict=True)
            ]
        index = add.node(
            "conv_transpose",
            [value.at],
            channels=config.whole("filters"),
            kernel=kernel,
            stride=stride,
            padding=_padding(config),
            dilation=dilation,
            bias=config.flag("use_bias", True),
            **arguments,
        )
        return activated(add, value._replace(at=index, single=True), config)

    return make


def dense(add: Adder, values: Sequence[Value], config: Config) -> Value:
    """Dense: on the last axis of Keras's."""
    value = only(add, values)
    units, bias = config.whole("units"), config.flag("use_bias", True)
    if len(value.order) == 1:
        # Features in another order have their weights in that order.
        index = add.node("dense", [value.at], units=units, bias=bias)
        return activated(add, Value(index, (0,), single=True), config)
    value = add.with_channels(value, -1) if value.order[-1] != 0 else value
    index = add.node("dense", [value.at], units=units, bias=bias, positionwise=True)
    return activated(add, value._replace(at=index, single=True), config)


# --- Pooling --------------------------------------------------------------------------------------


def pool(kind: str, rank: int) -> Make:
    """MaxPooling and AveragePooling of 1 to 3 axes."""

    def make(add: Adder, values: Sequence[Value], config: Config) -> Value:
        value = mapped(add, values, config, rank)
        kernel = config.wholes("pool_size", rank, 2)
        stride = config.wholes("strides", rank) if config.has("strides") else kernel
        arguments: dict[str, Any] = {"count_include_pad": False} if kind == "avgpool" else {}
        index = add.node(
            kind, [value.at], kernel=kernel, stride=stride, padding=_padding(config), **arguments
        )
        return value._replace(at=index)

    return make


def global_pool(kind: str, rank: int) -> Make:
    """GlobalAveragePooling and GlobalMaxPooling of 1 to 3 axes."""

    def make(add: Adder, values: Sequence[Value], config: Config) -> Value:
        value = mapped(add, values, config, rank)
        kept = config.flag("keepdims", False)
        index = add.node(kind, [value.at], keepdims=kept)
        return value._replace(at=index) if kept else Value(index, (0,))

    return make


def adaptive_pool(kind: str, rank: int) -> Make:
    """AdaptiveAveragePooling and AdaptiveMaxPooling of 1 to 3 axes."""

    def make(add: Adder, values: Sequence[Value], config: Config) -> Value:
        value = mapped(add, values, config, rank)
        index = add.node(kind, [value.at], size=config.wholes("output_size", rank))
        return value._replace(at=index)

    return make


# --- Normalisation --------------------------------------------------------------------------------


def _axis(config: Config, add: Adder) -> int:
    """The axis of a normalisation, counted without the batch."""
    given = config.values.get("axis", -1)
    axes = items_of(given) or [given]
    if len(axes) != 1 or isinstance(axes[0], bool) or not isinstance(axes[0], int):
        raise add.unread("a normalisation of several axes is not read")
    return axes[0] if axes[0] < 0 else axes[0] - 1


def _scaled(add: Adder, value: Value, scale: bool, shift: bool) -> Value:
    """Learned factors, or summands, of each channel, where a norm has only one of both."""
    index = value.at
    if scale:
        index = add.node("scale", [index], "gamma")
    if shift:
        shape = [add.shape(value)[0], *[1] * (len(value.order) - 1)]
        beta = add.node("parameter", [index], "beta", shape=shape)
        index = add.node("add", [index, beta], "shifted")
    return value._replace(at=index)


def norm(kind: str, eps: float, extra: tuple[str, ...] = ()) -> Make:
    """BatchNormalization, LayerNormalization, GroupNormalization."""

    def make(add: Adder, values: Sequence[Value], config: Config) -> Value:
        given = only(add, values)
        value = add.with_channels(given, _axis(config, add))
        scale, shift = config.flag("scale", True), config.flag("center", True)
        arguments: dict[str, Any] = {"eps": config.real("epsilon", eps)}
        for key in extra:
            arguments[key] = config.whole(key, 32)
        made = kind
        if config.flag("rms_scaling", False):
            made, shift = "rmsnorm", False
            arguments["affine"] = scale
        else:
            arguments["affine"] = scale and shift
        value = add.follow(made, value, arguments)
        if made == "rmsnorm" or scale == shift:
            return value
        return _scaled(add, value, scale, shift)

    return make


def rms_norm(add: Adder, values: Sequence[Value], config: Config) -> Value:
    """RMSNormalization."""
    value = add.with_channels(only(add, values), _axis(config, add))
    return add.follow("rmsnorm", value, {"eps": config.real("epsilon", 1e-6)})


def unit_norm(add: Adder, values: Sequence[Value], config: Config) -> Value:
    """UnitNormalization."""
    value = add.with_channels(only(add, values), _axis(config, add))
    return add.follow("l2norm", value, {})


def normalization(add: Adder, values: Sequence[Value], config: Config) -> Value:
    """Normalization of an input with a mean and a variance that are not learned."""
    value = add.with_channels(only(add, values), _axis(config, add))
    if config.flag("invert", False):
        raise add.unread("an inverted Normalization is not read")
    index = add.node("batchnorm", [value.at], affine=False)
    return value._replace(at=index)


def rescaling(add: Adder, values: Sequence[Value], config: Config) -> Value:
    """Rescaling: one factor and one offset, or factors of the channels."""
    value = only(add, values)
    factors = config.values.get("scale")
    if isinstance(factors, list) and not config.real("offset", 0):
        value = add.with_channels(value, -1)
        index = add.node("scale", [value.at], learned=False)
        return value._replace(at=index)
    factor, offset = config.real("scale", 1), config.real("offset", 0)
    index = add.node("rescaling", [value.at], factor=factor, offset=offset)
    return value._replace(at=index)


def layer_scale(add: Adder, values: Sequence[Value], config: Config) -> Value:
    """LayerScale of keras.applications: a learned factor for each channel."""
    value = add.with_channels(only(add, values), -1)
    index = add.node("scale", [value.at], init=config.real("init_values", 1))
    return value._replace(at=index)


# --- Activations ----------------------------------------------------------------------------------


def named_activation(add: Adder, value: Value, word: str) -> Value:
    """The value after an activation of this name."""
    steps = _ACTIVATIONS.get(word)
    if word == "hard_sigmoid" and add.old:
        steps = _OLD_HARD_SIGMOID
    if steps is None:
        return opaque(add, [value], word, add.sizes(value), params=0)
    for kind, arguments in steps:
        entering = add.with_channels(add.plain(value), -1) if kind == "softmax" else value
        value = add.follow(kind, entering, arguments)
    return value


def activation(add: Adder, values: Sequence[Value], config: Config) -> Value:
    """Activation."""
    return activated(add, only(add, values), config)


def relu(add: Adder, values: Sequence[Value], config: Config) -> Value:
    """ReLU, with a largest value, a slope below, or a threshold."""
    value = only(add, values)
    slope, most = config.real("negative_slope", 0), config.values.get("max_value")
    if config.real("threshold", 0):
        return opaque(add, [value], "ReLU", add.sizes(value), params=0)
    if slope:
        value = add.follow("leaky_relu", value, {"slope": slope})
        if most is None:
            return value
        return add.follow("clip", value, {"max": config.real("max_value", 0)})
    if most is None:
        return add.follow("relu", value, {})
    if most == 6:
        return add.follow("relu6", value, {})
    return add.follow("clip", value, {"min": 0, "max": config.real("max_value", 0)})


def leaky_relu(add: Adder, values: Sequence[Value], config: Config) -> Value:
    """LeakyReLU, whose slope was once called alpha."""
    slope = config.real("negative_slope", config.real("alpha", 0.3))
    return add.follow("leaky_relu", only(add, values), {"slope": slope})


def elu(add: Adder, values: Sequence[Value], config: Config) -> Value:
    """ELU."""
    return add.follow("elu", only(add, values), {"alpha": config.real("alpha", 1)})


def prelu(add: Adder, values: Sequence[Value], config: Config) -> Value:
    """PReLU: a slope for each channel, or for each element that no shared axis has."""
    value = add.with_channels(only(add, values), -1)
    shared = items_of(config.values.get("shared_axes"))
    sizes = add.sizes(value)
    learned = elements(tuple([s for i, s in enumerate(sizes) if i + 1 not in shared]))
    if learned == sizes[-1] or learned == 1:
        return add.follow("prelu", value, {"per_channel": learned == sizes[-1]})
    return opaque(add, [value], "PReLU", sizes, params=learned)


def softmax(add: Adder, values: Sequence[Value], config: Config) -> Value:
    """Softmax along one axis."""
    return add.follow("softmax", add.with_channels(only(add, values), _axis(config, add)), {})


# --- What only moves values -----------------------------------------------------------------------


def same(add: Adder, values: Sequence[Value], config: Config) -> Value:
    """A layer that does nothing at inference."""
    return only(add, values)._replace(single=False)


def dropout(add: Adder, values: Sequence[Value], config: Config) -> Value:
    """Dropout and its relatives."""
    value = only(add, values)
    index = add.node("dropout", [value.at], rate=config.real("rate", 0.5))
    return value._replace(at=index, single=False)


def flatten(add: Adder, values: Sequence[Value], config: Config) -> Value:
    """Flatten: nothing moves until somebody needs the features in Keras's order."""
    value = only(add, values)
    if len(value.order) == 1:
        return value._replace(single=False)
    shape, sizes = add.shape(value), add.sizes(value)
    index = add.node("flatten", [value.at])
    if len([size for size in sizes if size > 1]) <= 1 or value.order == tuple(range(len(shape))):
        return Value(index, (0,))
    if value.order != channels_last(len(shape)):
        ours = add.moved(value, tuple(range(len(shape))))
        return Value(add.node("flatten", [ours.at]), (0,))
    return Value(index, (0,), shape)


def reshape(add: Adder, values: Sequence[Value], config: Config) -> Value:
    """Reshape: the values in Keras's order in another shape."""
    value = add.plain(only(add, values))
    wanted = [-1 if size is None else size for size in config.shape("target_shape")]
    total, known = elements(add.sizes(value)), elements(tuple([s for s in wanted if s != -1]))
    if wanted.count(-1) > 1 or not wanted or total % known:
        raise config.bad("target_shape", f"a shape of {total} values")
    sizes = [total // known if size == -1 else size for size in wanted]
    return reshaped(add, value, sizes)


def permute(add: Adder, values: Sequence[Value], config: Config) -> Value:
    """Permute: the same values, their axes renamed."""
    value = add.plain(only(add, values))
    axes = items_of(config.values.get("dims"))
    if sorted([axis for axis in axes if isinstance(axis, int)]) != list(
        range(1, len(value.order) + 1)
    ):
        raise config.bad("dims", "each axis once, counted from 1")
    return Value(value.at, tuple([value.order[axis - 1] for axis in axes]))


def repeat_vector(add: Adder, values: Sequence[Value], config: Config) -> Value:
    """RepeatVector."""
    value = add.plain(only(add, values))
    if len(value.order) != 1:
        raise add.mistake("plain features should enter")
    channels = add.shape(value)[0]
    index = add.node("reshape", [value.at], "row", shape=[channels, 1])
    index = add.node("broadcast", [index], shape=[channels, config.whole("n")])
    return Value(index, channels_last(2))


def zero_padding(rank: int) -> Make:
    """ZeroPadding of 1 to 3 axes."""

    def make(add: Adder, values: Sequence[Value], config: Config) -> Value:
        value = mapped(add, values, config, rank)
        index = add.node("pad", [value.at], padding=config.pairs("padding", rank))
        return value._replace(at=index, single=False)

    return make


def cropping(rank: int) -> Make:
    """Cropping of 1 to 3 axes."""

    def make(add: Adder, values: Sequence[Value], config: Config) -> Value:
        value = mapped(add, values, config, rank)
        index = add.node("crop", [value.at], padding=config.pairs("cropping", rank))
        return value._replace(at=index, single=False)

    return make


_MODES = {"nearest": "nearest", "bilinear": "bilinear", "bicubic": "bicubic"}


def upsampling(rank: int) -> Make:
    """UpSampling of 1 to 3 axes."""

    def make(add: Adder, values: Sequence[Value], config: Config) -> Value:
        value = mapped(add, values, config, rank)
        mode = config.text("interpolation", "nearest")
        factor = config.wholes("size", rank, 2)
        if mode not in _MODES:
            sizes = add.sizes(value)
            larger = [size * f for size, f in zip(sizes[:-1], factor, strict=True)]
            return opaque(add, [value], f"UpSampling.{mode}", [*larger, sizes[-1]], params=0)
        index = add.node("upsample", [value.at], factor=factor, mode=_MODES[mode])
        return value._replace(at=index, single=False)

    return make


def resizing(add: Adder, values: Sequence[Value], config: Config) -> Value:
    """Resizing of images."""
    value = mapped(add, values, config, 2)
    size = [config.whole("height"), config.whole("width")]
    mode = config.text("interpolation", "bilinear")
    keeps = config.flag("crop_to_aspect_ratio", False) or config.flag("pad_to_aspect_ratio", False)
    if mode not in _MODES or keeps:
        return opaque(add, [value], f"Resizing.{mode}", [*size, add.shape(value)[0]], params=0)
    index = add.node("upsample", [value.at], size=size, mode=_MODES[mode])
    return value._replace(at=index, single=False)


# --- Joins ----------------------------------------------------------------------------------------


def join(kind: str) -> Make:
    """Add, Subtract, Multiply."""

    def make(add: Adder, values: Sequence[Value], config: Config) -> Value:
        if len(values) < 2:
            raise add.mistake(f"at least two values should enter, not {len(values)}")
        return joined(add, kind, values)

    return make


def scaled_sum(add: Adder, values: Sequence[Value], config: Config) -> Value:
    """CustomScaleLayer of keras.applications: the first value, and a part of the second."""
    if len(values) != 2:
        raise add.mistake(f"two values should enter, not {len(values)}")
    index = add.node("rescaling", [values[1].at], "scaled", factor=config.real("scale", 1))
    return joined(add, "add", [values[0], values[1]._replace(at=index)])


def average(add: Adder, values: Sequence[Value], config: Config) -> Value:
    """Average."""
    value = join("add")(add, values, config)
    index = add.node("rescaling", [value.at], "mean", factor=1 / len(values))
    return value._replace(at=index)


def elementwise(op: str) -> Make:
    """Maximum and Minimum, which have no rule."""

    def make(add: Adder, values: Sequence[Value], config: Config) -> Value:
        if not values:
            raise add.mistake("a value should enter")
        values = [add.plain(value) for value in values]
        ranks = {len(value.order) for value in values}
        if len(ranks) > 1:
            raise add.unread(f"{op} of values with other numbers of axes is not read")
        sizes = [max(each) for each in zip(*[add.sizes(value) for value in values], strict=True)]
        return opaque(add, values, op, sizes, params=0)

    return make


def concatenate(add: Adder, values: Sequence[Value], config: Config) -> Value:
    """Concatenate along one axis."""
    if not values:
        raise add.mistake("a value should enter")
    values = [add.plain(value) for value in values]
    axis = config.whole("axis", -1, low=-len(values[0].order))
    rank = len(values[0].order)
    axis = axis - 1 if axis > 0 else axis + rank
    if not 0 <= axis < rank or config.values.get("axis") == 0:
        raise config.bad("axis", "an axis beside the batch")
    order = values[0].order
    indices = [add.moved(value, order).at for value in values]
    if len(indices) == 1:
        return values[0]
    return Value(add.node("concat", indices, axis=order[axis]), order)


# --- Sequences ------------------------------------------------------------------------------------


def recurrent(gates: int) -> Make:
    """LSTM, GRU and SimpleRNN: with one bias a gate, where ours has two."""

    def make(add: Adder, values: Sequence[Value], config: Config) -> Value:
        value = mapped(add, values[:1], Config({}, add.mistake), 1)
        units = config.whole("units")
        sequences = config.flag("return_sequences", False)
        bias = config.flag("use_bias", True)
        features, positions = add.shape(value)
        plain = not config.values.get("go_backwards") and len(values) == 1
        words = config.text("activation", "tanh"), config.text("recurrent_activation", "sigmoid")
        reset_after = gates == 3 and config.flag("reset_after", True)
        if plain and words == ("tanh", "sigmoid") and (reset_after or (gates == 4 and not bias)):
            kind = "gru" if gates == 3 else "lstm"
            index = add.node(kind, [value.at], units=units, bias=bias)
            if sequences:
                return Value(index, channels_last(2))
            last = [positions - 1, positions]
            index = add.node("slice", [index], "last", channels=last, axis=1)
            return Value(add.node("reshape", [index], "state", shape=[units]), (0,))
        params = gates * units * (features + units + (bias + (bias and reset_after)))
        sizes = [positions, units] if sequences else [units]
        return opaque(add, [value], add.kind, sizes, params=params)

    return make


def embedding(add: Adder, values: Sequence[Value], config: Config) -> Value:
    """Embedding: a row of a learned table for each whole number that enters."""
    value = add.plain(only(add, values))
    dim = config.whole("output_dim")
    sizes = [*add.sizes(value), dim]
    return opaque(add, [value], "Embedding", sizes, params=config.whole("input_dim") * dim)


def multi_head_attention(add: Adder, values: Sequence[Value], config: Config) -> Value:
    """MultiHeadAttention of query, value and, where it is another, key."""
    if not 2 <= len(values) <= 3:
        raise add.mistake(
            f"query and value should enter, and perhaps a key, not {len(values)} values"
        )
    values = [add.with_channels(value, -1) for value in values]
    query, value, key = values[0], values[1], values[-1]
    heads, size = config.whole("num_heads"), config.whole("key_dim")
    deep = config.whole("value_dim", size)
    bias = config.flag("use_bias", True)
    leaves = add.shape(query)[0]
    if config.has("output_shape"):
        leaves = config.wholes("output_shape", 1)[0]
    parts = [
        add.node("dense", [entering.at], name, units=units, bias=bias, positionwise=True)
        for name, entering, units in (
            ("query", query, heads * size),
            ("key", key, heads * size),
            ("value", value, heads * deep),
        )
    ]
    seen = add.node("attention", parts, "attention", heads=heads)
    index = add.node("dense", [seen], "output", units=leaves, bias=bias, positionwise=True)
    return query._replace(at=index, single=False)


# --- Operations of Keras 3 and TensorFlow ---------------------------------------------------------


def operation(kind: str) -> Callable[[Adder, Sequence[Value], Sequence[object]], Value | None]:
    """An operation on two values, or on a value and a number; None where it is another."""

    def make(add: Adder, values: Sequence[Value], constants: Sequence[object]) -> Value | None:
        numbers = [n for n in constants if isinstance(n, int | float) and not isinstance(n, bool)]
        if len(values) == 2 and not constants:
            return joined(add, kind, values)
        if len(values) != 1 or len(numbers) != 1 or len(constants) != 1:
            return None
        number = numbers[0]
        if kind == "div" and not number:
            return None
        given: dict[str, Any] = {
            "add": {"offset": number},
            "sub": {"offset": -number},
            "mul": {"factor": number},
            "div": {"factor": 1 / number if number else 1},
        }[kind]
        index = add.node("rescaling", [values[0].at], **given)
        return values[0]._replace(at=index, single=False)

    return make


OPERATIONS: Mapping[str, Callable[[Adder, Sequence[Value], Sequence[object]], Value | None]] = {
    "add": operation("add"),
    "__operators__.add": operation("add"),
    "subtract": operation("sub"),
    "multiply": operation("mul"),
    "divide": operation("div"),
    "truedivide": operation("div"),
    "true_divide": operation("div"),
    "truediv": operation("div"),
}
#: Operations that are activations.
ACTIVATIONS = tuple(_ACTIVATIONS)

_DROPOUTS = ("Dropout", "AlphaDropout", "GaussianDropout")
_DROPOUTS_OF_MAPS = ("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D")
#: Layers that only train, or that only say something of a value.
_NOTHING = (
    *("Identity", "GaussianNoise", "ActivityRegularization", "Masking"),
    *("RandomFlip", "RandomRotation", "RandomZoom", "RandomContrast", "RandomBrightness"),
    *("RandomTranslation", "RandomHeight", "RandomWidth"),
)

#: What makes the nodes of a layer, by its class.
LAYERS: Mapping[str, Make] = {
    **{f"Conv{rank}D": conv(rank) for rank in (1, 2, 3)},
    **{f"Convolution{rank}D": conv(rank) for rank in (1, 2, 3)},
    **{f"DepthwiseConv{rank}D": depthwise(rank) for rank in (1, 2)},
    **{f"SeparableConv{rank}D": separable(rank) for rank in (1, 2)},
    **{f"Conv{rank}DTranspose": conv_transpose(rank) for rank in (1, 2, 3)},
    "Dense": dense,
    **{f"MaxPooling{rank}D": pool("maxpool", rank) for rank in (1, 2, 3)},
    **{f"AveragePooling{rank}D": pool("avgpool", rank) for rank in (1, 2, 3)},
    **{f"GlobalMaxPooling{rank}D": global_pool("global_maxpool", rank) for rank in (1, 2, 3)},
    **{f"GlobalAveragePooling{rank}D": global_pool("global_avgpool", rank) for rank in (1, 2, 3)},
    **{f"AdaptiveMaxPooling{n}D": adaptive_pool("adaptive_maxpool", n) for n in (1, 2, 3)},
    **{f"AdaptiveAveragePooling{n}D": adaptive_pool("adaptive_avgpool", n) for n in (1, 2, 3)},
    "BatchNormalization": norm("batchnorm", 1e-3),
    "SyncBatchNormalization": norm("batchnorm", 1e-3),
    "LayerNormalization": norm("layernorm", 1e-3),
    "GroupNormalization": norm("groupnorm", 1e-3, ("groups",)),
    "RMSNormalization": rms_norm,
    "UnitNormalization": unit_norm,
    "Normalization": normalization,
    "Rescaling": rescaling,
    "LayerScale": layer_scale,
    "Activation": activation,
    "ReLU": relu,
    "LeakyReLU": leaky_relu,
    "ELU": elu,
    "PReLU": prelu,
    "Softmax": softmax,
    **dict.fromkeys(_DROPOUTS, dropout),
    **dict.fromkeys(_DROPOUTS_OF_MAPS, dropout),
    **dict.fromkeys(_NOTHING, same),
    "Flatten": flatten,
    "Reshape": reshape,
    "Permute": permute,
    "RepeatVector": repeat_vector,
    **{f"ZeroPadding{rank}D": zero_padding(rank) for rank in (1, 2, 3)},
    **{f"Cropping{rank}D": cropping(rank) for rank in (1, 2, 3)},
    **{f"UpSampling{rank}D": upsampling(rank) for rank in (1, 2, 3)},
    "Resizing": resizing,
    "Add": join("add"),
    "Subtract": join("sub"),
    "Multiply": join("mul"),
    "Average": average,
    "CustomScaleLayer": scaled_sum,
    "Maximum": elementwise("Maximum"),
    "Minimum": elementwise("Minimum"),
    "Concatenate": concatenate,
    "LSTM": recurrent(4),
    "GRU": recurrent(3),
    "SimpleRNN": recurrent(1),
    "Embedding": embedding,
    "MultiHeadAttention": multi_head_attention,
}
