"""Names of other libraries: each leads to ours, and none of ours is taken for a foreign one."""

from __future__ import annotations

import pytest

from convcalc.language.hints.foreign import (
    absent_kind,
    foreign_argument,
    foreign_kind,
    foreign_word,
)
from convcalc.layers import CHOICES, KINDS, layer_class

CONV = [
    "channels",
    "kernel",
    "stride",
    "padding",
    "dilation",
    "groups",
    "bias",
    "norm",
    "activation",
]


@pytest.mark.parametrize(
    ("foreign", "ours"),
    [
        ("Conv1d", "conv"),
        ("Conv2D", "conv"),
        ("conv2d", "conv"),
        ("nn.Conv3d", "conv"),
        ("tf.keras.layers.Conv2D", "conv"),
        ("Convolution2D", "conv"),
        ("ConvTranspose2d", "conv_transpose"),
        ("Conv2DTranspose", "conv_transpose"),
        ("DepthwiseConv2D", "depthwise"),
        ("MaxPool2d", "maxpool"),
        ("max_pool2d", "maxpool"),
        ("MaxPooling2D", "maxpool"),
        ("AveragePooling1D", "avgpool"),
        ("AvgPool2d", "avgpool"),
        ("GlobalAveragePooling2D", "global_avgpool"),
        ("AdaptiveAvgPool2d", "adaptive_avgpool"),
        ("Linear", "dense"),
        ("Dense", "dense"),
        ("fc", "dense"),
        ("InnerProduct", "dense"),
        ("BatchNorm2d", "batchnorm"),
        ("BatchNormalization", "batchnorm"),
        ("bn", "batchnorm"),
        ("GroupNorm", "groupnorm"),
        ("LocalResponseNorm", "lrn"),
        ("nn.RMSNorm", "rmsnorm"),
        ("RMSNormalization", "rmsnorm"),
        ("UnitNormalization", "l2norm"),
        ("GRN", "grn"),
        ("ReLU", "relu"),
        ("ReLU6", "relu6"),
        ("LeakyReLU", "leaky_relu"),
        ("Hardswish", "hard_swish"),
        ("Dropout2d", "dropout"),
        ("ops.DeformConv2d", "deform_conv"),
        ("DCNv2", "deform_conv with a mask"),
        ("nn.LSTM", "lstm"),
        ("ConvLSTM2D", "conv_lstm"),
        ("LSTMCell", "lstm"),
        ("BiLSTM", "lstm with bidirectional: true"),
        ("nn.GRUCell", "gru"),
        ("torch.mean", "reduce_mean"),
        ("ReduceMax", "reduce_max"),
        ("sum", "reduce_sum along axes, or add of branches"),
        ("index_select", "gather"),
        ("expand", "broadcast"),
        ("torch.clamp", "clip"),
        ("Hardtanh", "clip with min: -1 and max: 1"),
        ("torch.square", "pow with exponent: 2"),
        ("Rescaling", "rescaling"),
        ("Flatten", "flatten"),
        ("ZeroPad2d", "pad"),
        ("UpSampling2D", "upsample"),
        ("PixelShuffle", "pixel_shuffle"),
        ("Concatenate", "concat"),
        ("Add", "add"),
        ("Multiply", "mul"),
        ("keras.layers.Subtract", "sub"),
        ("torch.div", "div"),
        ("torch.split", "slice, once for each part"),
        ("MatMul", "matmul"),
        ("torch.bmm", "matmul"),
        ("nn.MultiheadAttention", "attention, with its projections as dense layers"),
        ("F.scaled_dot_product_attention", "attention"),
        ("ShiftedWindowAttention", "attention with a window and a shift"),
        ("Sequential", "sequential"),
    ],
)
def test_kinds(foreign: str, ours: str) -> None:
    assert foreign_kind(foreign, KINDS) == ours


@pytest.mark.parametrize("kind", [*KINDS, "sequential", "residual_block", "rnn", ""])
def test_our_own_kinds_are_not_foreign(kind: str) -> None:
    assert foreign_kind(kind, KINDS) == ""


@pytest.mark.parametrize(
    "name",
    ["DeformableAttention", "transformer", "SimpleRNN", "TimeDistributed", "RNNCell", "Embedding"],
)
def test_kinds_that_do_not_exist_here(name: str) -> None:
    assert absent_kind(name)
    assert foreign_kind(name, KINDS) == ""


@pytest.mark.parametrize("kind", [*KINDS, "sequential", "Conv2d", "Linear", "bottleneck", ""])
def test_kinds_that_do_exist_or_may(kind: str) -> None:
    assert not absent_kind(kind)


@pytest.mark.parametrize(
    ("foreign", "names", "help_text"),
    [
        ("kernel_size", CONV, "it is called 'kernel' here"),
        ("KERNEL_SIZE", CONV, "it is called 'kernel' here"),
        ("filters", CONV, "it is called 'channels' here"),
        ("out_channels", CONV, "it is called 'channels' here"),
        ("out_channels", ["units", "bias"], "it is called 'units' here"),
        ("strides", CONV, "it is called 'stride' here"),
        ("pad", CONV, "it is called 'padding' here"),
        ("p", CONV, "it is called 'padding' here"),
        ("p", ["rate"], "it is called 'rate' here"),
        ("act", CONV, "it is called 'activation' here"),
        ("bn", CONV, "write 'norm: batch'"),
        ("bn", ["rate"], ""),
        ("pool_size", ["kernel"], "it is called 'kernel' here"),
        ("window_size", ["heads", "window"], "it is called 'window' here"),
        ("window_size", CONV, "it is called 'kernel' here"),
        ("num_heads", ["heads", "window"], "it is called 'heads' here"),
        ("in_channels", CONV, "the input's channels follow from the layer before"),
        ("n", [], "copies are made by 'repeat'"),
        ("kernal", CONV, ""),
        ("strides", ["c", "s"], ""),
    ],
)
def test_arguments(foreign: str, names: list[str], help_text: str) -> None:
    assert foreign_argument(foreign, names) == help_text


@pytest.mark.parametrize("kind", list(KINDS))
def test_no_kinds_own_argument_is_foreign_to_it(kind: str) -> None:
    """Where a name is both ours and another library's, ours is looked up first."""
    names = list(layer_class(kind).fields)
    for name in names:
        help_text = foreign_argument(name, [other for other in names if other != name])
        assert not help_text or help_text.startswith("it is called ")


@pytest.mark.parametrize(
    ("foreign", "choices", "ours"),
    [
        ("SAME", ["valid", "same"], "same"),
        ("Valid", ["valid", "same"], "valid"),
        ("SAME_UPPER", ["same", "same_lower"], "same"),
        ("bn", ["none", "batch"], "batch"),
        ("BatchNorm2d", ["none", "batch"], "batch"),
        ("linear", ["none", "relu"], "none"),
        ("linear", ["nearest", "bilinear"], "bilinear"),
        ("None", ["none", "relu"], "none"),
        ("swish", ["relu", "silu"], "silu"),
        ("LeakyReLU", ["leaky_relu"], "leaky_relu"),
        ("leaky-relu", ["leaky_relu"], "leaky_relu"),
        ("nearest-exact", ["nearest", "bilinear"], "nearest"),
        ("edge", ["zeros", "replicate"], "replicate"),
        ("same", ["nearest", "bilinear"], ""),
        ("full", ["valid", "same"], ""),
    ],
)
def test_words(foreign: str, choices: list[str], ours: str) -> None:
    assert foreign_word(foreign, choices) == ours


def test_our_own_words_are_not_foreign() -> None:
    assert not [word for word in CHOICES if foreign_word(word, sorted(CHOICES))]
