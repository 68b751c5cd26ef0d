"""Listings of output shapes, as the editions of Dive into Deep Learning print them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod

from convcalc.analysis.costs.cost import LayerReport
from convcalc.analysis.costs.rows import Row
from convcalc.problems import printable
from convcalc.shapes import Shape, tuple_text

#: What PyTorch calls the module of a kind, `{}` its number of axes.
_TORCH = {
    "adaptive_avgpool": "AdaptiveAvgPool{}d",
    "adaptive_maxpool": "AdaptiveMaxPool{}d",
    "avgpool": "AvgPool{}d",
    "batchnorm": "BatchNorm{}d",
    "celu": "CELU",
    "channel_shuffle": "ChannelShuffle",
    "conv": "Conv{}d",
    "conv_transpose": "ConvTranspose{}d",
    "dense": "Linear",
    "depthwise": "Conv{}d",
    "dropout": "Dropout",
    "elu": "ELU",
    "flatten": "Flatten",
    "gelu": "GELU",
    "global_avgpool": "AdaptiveAvgPool{}d",
    "global_maxpool": "AdaptiveMaxPool{}d",
    "groupnorm": "GroupNorm",
    "gru": "GRU",
    "hard_sigmoid": "Hardsigmoid",
    "hard_swish": "Hardswish",
    "identity": "Identity",
    "instancenorm": "InstanceNorm{}d",
    "layernorm": "LayerNorm",
    "leaky_relu": "LeakyReLU",
    "lrn": "LocalResponseNorm",
    "lstm": "LSTM",
    "maxpool": "MaxPool{}d",
    "mish": "Mish",
    "pixel_shuffle": "PixelShuffle",
    "pixel_unshuffle": "PixelUnshuffle",
    "prelu": "PReLU",
    "relu": "ReLU",
    "relu6": "ReLU6",
    "rmsnorm": "RMSNorm",
    "selu": "SELU",
    "sigmoid": "Sigmoid",
    "silu": "SiLU",
    "softmax": "Softmax",
    "softplus": "Softplus",
    "tanh": "Tanh",
    "upsample": "Upsample",
}
#: What Keras calls the layer of a kind.
_KERAS = {
    "add": "Add",
    "avgpool": "AveragePooling{}D",
    "batchnorm": "BatchNormalization",
    "concat": "Concatenate",
    "conv": "Conv{}D",
    "conv_lstm": "ConvLSTM{}D",
    "conv_transpose": "Conv{}DTranspose",
    "crop": "Cropping{}D",
    "dense": "Dense",
    "depthwise": "DepthwiseConv{}D",
    "dropout": "Dropout",
    "flatten": "Flatten",
    "global_avgpool": "GlobalAveragePooling{}D",
    "global_maxpool": "GlobalMaxPooling{}D",
    "groupnorm": "GroupNormalization",
    "gru": "GRU",
    "identity": "Identity",
    "layernorm": "LayerNormalization",
    "leaky_relu": "LeakyReLU",
    "lstm": "LSTM",
    "maxpool": "MaxPooling{}D",
    "mul": "Multiply",
    "pad": "ZeroPadding{}D",
    "prelu": "PReLU",
    "relu": "ReLU",
    "rescaling": "Rescaling",
    "reshape": "Reshape",
    "softmax": "Softmax",
    "sub": "Subtract",
    "transpose": "Permute",
    "upsample": "UpSampling{}D",
}
_GROUP = "Sequential"


def shapes_listing(rows: Sequence[Row], style: str = "mxnet", *, batch: bool = True) -> str:
    """A line for each row, or for each layer that an edition has.

    style  "mxnet", with the names of layers; "torch", with classes, and a line for each activation
           and for what flattens; "keras", with classes, channels last
    batch  whether shapes have the batch axis
    """
    lines = []
    for name, shape, form in _STYLES[style](rows):
        lines.append(f"{name} output shape:\t {form(shape if batch else shape[1:])}\n")
    return "".join(lines)


_Line = tuple[str, Shape, Callable[[Shape], str]]


def _mxnet(rows: Sequence[Row]) -> Iterator[_Line]:
    for row in rows:
        yield row.name, row.output, tuple_text


def _torch(rows: Sequence[Row]) -> Iterator[_Line]:
    for row in rows:
        if _is_group(row):
            yield _GROUP, row.output, _torch_size
            continue
        for member in row.members:
            if _flattens(member):
                yield "Flatten", _flat(member.inputs[0]), _torch_size
            yield _class(member, _TORCH), member.output, _torch_size


def _torch_size(shape: Shape) -> str:
    return f"torch.Size({list(shape)})"


def _keras(rows: Sequence[Row]) -> Iterator[_Line]:
    for row in rows:
        if _is_group(row):
            yield _GROUP, _channels_last(row.output), tuple_text
            continue
        main, *fused = row.members
        if _flattens(main):
            yield "Flatten", _flat(main.inputs[0]), tuple_text
        # An activation is an argument of its layer.
        for member in [main, *[one for one in fused if one.node.layer.role == "norm"]]:
            shape = _channels_last(member.output)
            if member.node.kind.startswith("global_"):
                shape = (shape[0], shape[-1])
            yield _class(member, _KERAS), shape, tuple_text


_STYLES = {"mxnet": _mxnet, "torch": _torch, "keras": _keras}
STYLES = tuple(_STYLES)


def _is_group(row: Row) -> bool:
    return len({member.node.unit for member in row.members}) > 1


def _class(member: LayerReport, names: dict[str, str]) -> str:
    """The class of an operation; the kind's own name where the framework has no layer for it."""
    axes = len(member.inputs[0]) - 2 if member.inputs else 0
    kind = member.node.kind
    return names.get(kind, printable(kind)).format(max(axes, 1))


def _flattens(member: LayerReport) -> bool:
    """Whether a dense layer reads all positions of a map, which an edition flattens before."""
    return member.node.kind == "dense" and len(member.inputs[0]) > 2 > len(member.output) - 1


def _flat(shape: Shape) -> Shape:
    return (shape[0], prod(shape[1:]))


def _channels_last(shape: Shape) -> Shape:
    return (shape[0], *shape[2:], shape[1]) if len(shape) > 2 else shape
