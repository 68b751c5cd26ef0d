"""The layer kinds, in one explicit table."""

from __future__ import annotations

from importlib import import_module

from convcalc.layers.base import Layer

#: Every kind: the module of this package that holds it, and its class. A kind's module is imported
#: when a network first uses it, so that commands start fast.
KINDS: dict[str, tuple[str, str]] = {
    "conv": ("convolution", "Conv"),
    "depthwise": ("convolution", "Depthwise"),
    "conv_transpose": ("convolution", "ConvTranspose"),
    "maxpool": ("pooling", "MaxPool"),
    "minpool": ("pooling", "MinPool"),
    "avgpool": ("pooling", "AvgPool"),
    "global_maxpool": ("pooling", "GlobalMaxPool"),
    "global_avgpool": ("pooling", "GlobalAvgPool"),
    "adaptive_maxpool": ("pooling", "AdaptiveMaxPool"),
    "adaptive_avgpool": ("pooling", "AdaptiveAvgPool"),
    "channel_maxpool": ("reduction", "ChannelMaxPool"),
    "channel_avgpool": ("reduction", "ChannelAvgPool"),
    "dense": ("dense", "Dense"),
    "lstm": ("recurrent", "LSTM"),
    "gru": ("recurrent", "GRU"),
    "conv_lstm": ("recurrent", "ConvLSTM"),
    "batchnorm": ("normalisation", "BatchNorm"),
    "layernorm": ("normalisation", "LayerNorm"),
    "groupnorm": ("normalisation", "GroupNorm"),
    "instancenorm": ("normalisation", "InstanceNorm"),
    "lrn": ("normalisation", "LocalResponseNorm"),
    "rmsnorm": ("magnitude", "RMSNorm"),
    "l2norm": ("magnitude", "L2Norm"),
    "grn": ("magnitude", "GlobalResponseNorm"),
    "relu": ("activation", "ReLU"),
    "relu6": ("activation", "ReLU6"),
    "clip": ("activation", "Clip"),
    "leaky_relu": ("activation", "LeakyReLU"),
    "prelu": ("activation", "PReLU"),
    "elu": ("activation", "ELU"),
    "selu": ("activation", "SELU"),
    "celu": ("activation", "CELU"),
    "gelu": ("activation", "GELU"),
    "silu": ("activation", "SiLU"),
    "mish": ("activation", "Mish"),
    "softplus": ("activation", "Softplus"),
    "sigmoid": ("activation", "Sigmoid"),
    "hard_sigmoid": ("activation", "HardSigmoid"),
    "hard_swish": ("activation", "HardSwish"),
    "tanh": ("activation", "Tanh"),
    "softmax": ("activation", "Softmax"),
    "pow": ("functions", "Pow"),
    "sqrt": ("functions", "Sqrt"),
    "rescaling": ("functions", "Rescaling"),
    "dropout": ("structure", "Dropout"),
    "stochastic_depth": ("structure", "StochasticDepth"),
    "identity": ("structure", "Identity"),
    "flatten": ("structure", "Flatten"),
    "reshape": ("structure", "Reshape"),
    "transpose": ("structure", "Transpose"),
    "pad": ("structure", "Pad"),
    "crop": ("structure", "Crop"),
    "upsample": ("resizing", "Upsample"),
    "unpool": ("unpooling", "Unpool"),
    "pixel_shuffle": ("structure", "PixelShuffle"),
    "pixel_unshuffle": ("structure", "PixelUnshuffle"),
    "channel_shuffle": ("structure", "ChannelShuffle"),
    "slice": ("structure", "Slice"),
    "gather": ("indexing", "Gather"),
    "broadcast": ("indexing", "Broadcast"),
    "reduce_mean": ("reduction", "ReduceMean"),
    "reduce_max": ("reduction", "ReduceMax"),
    "reduce_sum": ("reduction", "ReduceSum"),
    "scale": ("structure", "Scale"),
    "parameter": ("constants", "Parameter"),
    "buffer": ("constants", "Buffer"),
    "add": ("joins", "Add"),
    "sub": ("joins", "Sub"),
    "mul": ("joins", "Mul"),
    "div": ("joins", "Div"),
    "concat": ("joins", "Concat"),
    "matmul": ("joins", "Matmul"),
    "deform_conv": ("deformable", "DeformConv"),
    "attention": ("attention", "Attention"),
    "opaque": ("opaque", "Opaque"),
}

#: Kinds that cannot be written, by the kind that becomes them in a graph: it is no node itself, but
#: these and others are its parts.
PARTS: dict[str, dict[str, tuple[str, str]]] = {
    "attention": {
        "attention_norm": ("attention", "AttentionNorm"),
        "attention_scores": ("attention", "AttentionScores"),
        "attention_bias": ("attention", "AttentionBias"),
        "attention_values": ("attention", "AttentionValues"),
    },
}

#: The kinds that nodes have, beside that of a network's inputs: where each is. Indices stand beside
#: a maxpool that an unpool names.
NODE_KINDS: dict[str, tuple[str, str]] = {
    **{kind: home for kind, home in KINDS.items() if kind not in PARTS},
    **{kind: home for parts in PARTS.values() for kind, home in parts.items()},
    "indices": ("pooling", "MaxPoolIndices"),
}

#: Words that stand for a normalisation under `norm:`. A groupnorm's groups come from `defaults`.
NORM_WORDS: dict[str, str] = {
    "batch": "batchnorm",
    "layer": "layernorm",
    "group": "groupnorm",
    "instance": "instancenorm",
    "rms": "rmsnorm",
}

#: Every word that some argument understands; a test compares it with the kinds' fields.
CHOICES: tuple[str, ...] = (
    *("none", *NORM_WORDS, "valid", "same", "same_lower", "causal"),
    *("zeros", "reflect", "replicate", "circular", "nearest", "bilinear", "bicubic"),
    *("half_pixel", "align_corners", "asymmetric"),
    *("dot", "cosine", "relative", "distance", "continuous"),
)

_loaded: dict[str, type[Layer]] = {}


def layer_class(kind: str) -> type[Layer]:
    """The class of a kind; KeyError where there is none."""
    cls = _loaded.get(kind)
    if cls is None:
        module, name = KINDS.get(kind) or NODE_KINDS[kind]
        cls = _loaded[kind] = getattr(import_module(f"convcalc.layers.{module}"), name)
    return cls
