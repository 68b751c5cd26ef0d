"""Names that people know from other libraries, and what they are called here.

None is a second spelling: each gets an error that names ours.
"""

from __future__ import annotations

import re

#: Kinds of other libraries, in small letters without "1d", "2d", "3d", "_" and "layer".
_KINDS = {
    "convolution": "conv",
    "convolutional": "conv",
    "convnd": "conv",
    "lazyconv": "conv",
    "separableconv": "depthwise, then conv with kernel: 1",
    "depthwiseconv": "depthwise",
    "dwconv": "depthwise",
    "convdw": "depthwise",
    "convtranspose": "conv_transpose",
    "deconv": "conv_transpose",
    "deconvolution": "conv_transpose",
    "transposedconv": "conv_transpose",
    "upconv": "conv_transpose",
    "maxpooling": "maxpool",
    "poolmax": "maxpool",
    "minpooling": "minpool",
    "averagepool": "avgpool",
    "averagepooling": "avgpool",
    "meanpool": "avgpool",
    "avgpooling": "avgpool",
    "globalaveragepool": "global_avgpool",
    "globalaveragepooling": "global_avgpool",
    "globalavgpooling": "global_avgpool",
    "gap": "global_avgpool",
    "globalmaxpooling": "global_maxpool",
    "adaptiveaveragepool": "adaptive_avgpool",
    "linear": "dense",
    "fc": "dense",
    "fullyconnected": "dense",
    "innerproduct": "dense",
    "gemm": "dense",
    "batchnormalization": "batchnorm",
    "bn": "batchnorm",
    "layernormalization": "layernorm",
    "ln": "layernorm",
    "gn": "groupnorm",
    "groupnormalization": "groupnorm",
    "instancenormalization": "instancenorm",
    "localresponsenorm": "lrn",
    "rectifier": "relu",
    "leaky": "leaky_relu",
    "swish": "silu",
    "hardtanh": "tanh",
    "logistic": "sigmoid",
    "activation": "a kind such as relu, or 'activation: relu' on the layer before",
    "drop": "dropout",
    "alphadropout": "dropout",
    "view": "reshape",
    "permute": "transpose",
    "zeropad": "pad",
    "zeropadding": "pad",
    "reflectionpad": "pad with mode: reflect",
    "cropping": "crop",
    "upsampling": "upsample",
    "upsamplingnearest": "upsample",
    "upsamplingbilinear": "upsample with mode: bilinear",
    "interpolate": "upsample",
    "resize": "upsample",
    "depthtospace": "pixel_shuffle",
    "subpixel": "pixel_shuffle",
    "layerscale": "scale",
    "concatenate": "concat",
    "cat": "concat",
    "merge": "concat",
    "sum": "add",
    "shortcut": "add",
    "residual": "add",
    "multiply": "mul",
    "seq": "sequential",
    "passthrough": "identity",
    "noop": "identity",
    "relu6": "relu6",
}

#: Arguments of other libraries.
_ARGUMENTS = {
    "kernel_size": "kernel",
    "kernel_shape": "kernel",
    "ksize": "kernel",
    "window": "kernel",
    "pool_size": "kernel",
    "filter_size": "kernel",
    "k": "kernel",
    "filters": "channels",
    "num_filter": "channels",
    "num_filters": "channels",
    "out_channels": "channels",
    "num_output": "channels",
    "out": "channels",
    "nf": "channels",
    "strides": "stride",
    "s": "stride",
    "pad": "padding",
    "pads": "padding",
    "paddings": "padding",
    "p": "padding",
    "dilations": "dilation",
    "dilation_rate": "dilation",
    "dilate": "dilation",
    "d": "dilation",
    "group": "groups",
    "num_group": "groups",
    "num_groups": "groups",
    "g": "groups",
    "use_bias": "bias",
    "no_bias": "bias: false",
    "act": "activation",
    "nonlinearity": "activation",
    "activation_fn": "activation",
    "normalization": "norm",
    "bn": "norm: batch",
    "batch_norm": "norm: batch",
    "batchnorm": "norm: batch",
    "out_features": "units",
    "features": "units",
    "output_size": "size",
    "scale_factor": "factor",
    "upscale_factor": "factor",
    "negative_slope": "slope",
    "epsilon": "eps",
    "num_classes": "units",
    "depth_multiplier": "multiplier",
    "drop_rate": "rate",
    "prob": "rate",
}

#: Arguments that ours have no need of.
_NEEDLESS = {
    "in_channels": "the input's channels follow from the layer before",
    "in_features": "the inputs of a dense layer follow from the layer before",
    "num_features": "the channels follow from the layer before",
    "input_shape": "the network's input is the top-level key 'input'",
    "data_format": "shapes are channels first",
    "padding_mode": "put a 'pad' layer before, with its mode",
    "n": "copies are made by 'repeat'",
    "times": "copies are made by 'repeat'",
    "inputs": "an earlier layer's value is taken by 'from'",
    "bottom": "an earlier layer's value is taken by 'from'",
    "type": "the kind is the key: {conv: 64, kernel: 3}",
    "class_name": "the kind is the key: {conv: 64, kernel: 3}",
    "if": "a condition is written 'when'",
    "id": "a layer is named by 'name'",
}

#: Top-level keys of other formats, and near misses.
TOP_LEVEL = {
    "network": "layers",
    "model": "layers",
    "backbone": "layers",
    "architecture": "layers",
    "layer": "layers",
    "inputs": "input",
    "input_shape": "input",
    "input_size": "input",
    "output": "outputs",
    "default": "defaults",
    "block": "blocks",
    "params": "args",
    "arguments": "args",
    "variables": "args",
    "parameters": "args",
    "expected": "expect",
    "budgets": "budget",
    "limits": "budget",
    "extend": "extends",
    "inherits": "extends",
    "base": "extends",
    "title": "name",
}

#: Words for padding and choices in other libraries.
_WORDS = {
    "SAME": "same",
    "VALID": "valid",
    "SAME_UPPER": "same",
    "SAME_LOWER": "same_lower",
    "batchnorm": "batch",
    "bn": "batch",
    "layernorm": "layer",
    "instancenorm": "instance",
    "groupnorm": "group, or {groupnorm: 8}",
    "linear": "none",
    "identity": "none",
    "null": "none",
    "None": "none",
    "swish": "silu",
    "edge": "replicate",
    "constant": "zeros",
    "wrap": "circular",
    "symmetric": "reflect",
    "trilinear": "bilinear",
}


def _plain(name: str) -> str:
    return re.sub(r"[123]d|_|-|layer$", "", name.lower())


def foreign_kind(name: str, kinds: object) -> str:
    """What another library's kind is called here; empty where it is none."""
    plain = _plain(name)
    if plain in _KINDS and _KINDS[plain] != name:
        return _KINDS[plain]
    for kind in kinds if isinstance(kinds, dict) else ():
        if kind != name and plain == kind.replace("_", ""):
            return str(kind)
    return ""


def foreign_argument(name: str) -> str:
    """A sentence on another library's argument; empty where it is none."""
    ours = _ARGUMENTS.get(name) or _ARGUMENTS.get(name.lower())
    if ours:
        return f"it is called '{ours}' here" if ":" not in ours else f"write '{ours}'"
    return _NEEDLESS.get(name, "")


def foreign_word(word: str) -> str:
    """What another library's choice is called here; empty where it is none."""
    return _WORDS.get(word) or _WORDS.get(word.upper(), "")
