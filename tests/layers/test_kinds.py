"""The table of kinds, and what users may write, as the file format promises it."""

from __future__ import annotations

import pytest

from convcalc.layers import CHOICES, KINDS, NORM_WORDS, layer_class
from convcalc.layers.fields import Field, PaddingSides, value_text

# The arguments of each kind in the order of the file format's documentation, without `norm` and
# `activation`, which are layers of their own.
_WINDOW = "kernel, stride=1, padding=0"
_POOL = "kernel, stride, padding=0"
_NORM = "eps=1e-05, affine=true"
SIGNATURES = {
    "conv": f"channels, {_WINDOW}, dilation=1, groups=1, bias=true, flip=false",
    "depthwise": f"{_WINDOW}, dilation=1, multiplier=1, bias=true",
    "conv_transpose": f"channels, {_WINDOW}, output_padding, dilation=1, groups=1, bias=true",
    "maxpool": f"{_POOL}, dilation=1, ceil_mode=false",
    "minpool": f"{_POOL}, dilation=1, ceil_mode=false",
    "avgpool": f"{_POOL}, ceil_mode=false, count_include_pad=true",
    "global_maxpool": "keepdims=true",
    "global_avgpool": "keepdims=true",
    "adaptive_maxpool": "size",
    "adaptive_avgpool": "size",
    "dense": "units, bias=true, positionwise=false",
    "deform_conv": f"channels, {_WINDOW}, dilation=1, groups=1, offset_groups=1, bias=true",
    "lstm": "units, bidirectional=false, bias=true",
    "conv_lstm": f"channels, {_WINDOW}, dilation=1, bias=true",
    "gru": "units, bidirectional=false, bias=true",
    "batchnorm": _NORM,
    "layernorm": _NORM,
    "groupnorm": f"groups, {_NORM}",
    "instancenorm": "eps=1e-05, affine=false",
    "lrn": "size, alpha=0.0001, beta=0.75, k=1.0",
    "rmsnorm": "eps=1e-06, affine=true",
    "l2norm": "eps=1e-12",
    "grn": "eps=1e-06",
    "clip": "min, max",
    "leaky_relu": "slope=0.01",
    "prelu": "per_channel=false",
    "elu": "alpha=1.0",
    "celu": "alpha=1.0",
    "softmax": "groups=1",
    "hard_sigmoid": "alpha=0.16666666666666666, beta=0.5",
    "pow": "exponent",
    "rescaling": "factor=1.0, offset=0.0",
    "dropout": "rate=0.5",
    "reshape": "shape",
    "transpose": "order",
    "pad": "padding, mode=zeros, value=0.0",
    "crop": "padding",
    "upsample": "factor, size, mode=nearest, coordinates",
    "pixel_shuffle": "factor",
    "stochastic_depth": "rate",
    "unpool": "pool",
    "pixel_unshuffle": "factor",
    "channel_shuffle": "groups",
    "scale": "init=1.0, learned=true, per_channel=true",
    "slice": "channels, axis=0, step=1",
    "parameter": "shape, learned",
    "buffer": "shape",
    "concat": "axis=0",
    "gather": "indices, axis=0",
    "broadcast": "shape",
    "reduce_mean": "axes, keepdims=true",
    "reduce_max": "axes, keepdims=true",
    "reduce_sum": "axes, keepdims=true",
    "opaque": "op, shape, params",
    "attention": "heads=1, window, dilation=1, shift=0, position_bias=none, similarity=dot,"
    " dropout=0.0",
}
NORMS = {"batchnorm", "layernorm", "groupnorm", "instancenorm", "lrn", "rmsnorm", "l2norm", "grn"}
ACTIVATIONS = {
    "relu",
    "relu6",
    "clip",
    "leaky_relu",
    "prelu",
    "elu",
    "selu",
    "celu",
    "gelu",
    "silu",
}
ACTIVATIONS |= {"mish", "softplus", "sigmoid", "hard_sigmoid", "hard_swish", "tanh", "softmax"}
JOINS = {"add", "sub", "mul", "div", "concat", "matmul", "deform_conv", "attention", "opaque"}
WEIGHTED = {"conv", "depthwise", "conv_transpose", "dense"}
#: Learn weights of sums of products, but have a state and activations of their own.
RECURRENT = {"lstm", "gru", "conv_lstm"}
#: Learn them too, but multiply for other ends as well.
DEFORMABLE = {"deform_conv"}

every_kind = pytest.mark.parametrize("kind", KINDS)


def written(name: str, declared: Field) -> str:
    """An argument as the documentation writes it."""
    if declared.required or declared.default is None:
        return name
    default = declared.default
    return f"{name}={default if isinstance(default, str) else value_text(default)}"


@every_kind
def test_the_table_names_the_class(kind: str) -> None:
    assert layer_class(kind).kind == kind
    assert layer_class(kind) is layer_class(kind)


def test_an_unknown_kind_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        layer_class("conv2d")


@every_kind
def test_takes_the_documented_arguments(kind: str) -> None:
    fields = layer_class(kind).fields
    documented = [text for text in SIGNATURES.get(kind, "").split(", ") if text]
    assert sorted(written(name, declared) for name, declared in fields.items()) == sorted(
        documented
    )


@every_kind
def test_its_first_argument_is_the_documented_one(kind: str) -> None:
    """`{conv: 64}` gives the first argument; the others have names, so their order is free."""
    documented = SIGNATURES.get(kind, "")
    first = next(iter(layer_class(kind).fields), "")
    assert first == documented.partition(",")[0].partition("=")[0]


def test_only_a_required_argument_may_follow_the_first_unnamed() -> None:
    for kind in KINDS:
        required = [declared.required for declared in layer_class(kind).fields.values()]
        assert required == sorted(required, reverse=True), kind


def test_choices_are_all_words_that_arguments_understand() -> None:
    words = {"none", *NORM_WORDS}
    for kind in KINDS:
        for declared in layer_class(kind).fields.values():
            words.update(declared.type.words)
    assert words == {*CHOICES}


def test_norm_words_stand_for_norms() -> None:
    assert all(layer_class(kind).role == "norm" for kind in NORM_WORDS.values())


def test_no_choice_is_a_kind() -> None:
    assert not {*CHOICES} & set(KINDS)


@every_kind
def test_roles(kind: str) -> None:
    cls = layer_class(kind)
    expected = "norm" if kind in NORMS else "activation" if kind in ACTIVATIONS else ""
    assert cls.role == expected
    assert (cls.joins is not None) == (kind in JOINS)
    # What is fused to attention could not be told from its own softmax, or from an unknown one.
    fuses = kind in (JOINS | WEIGHTED) - {"attention", "opaque"}
    assert cls.fuses == (("norm", "activation") if fuses else ())
    assert cls.weighted == (kind in WEIGHTED | RECURRENT | DEFORMABLE)
    assert cls.accumulates == (kind in WEIGHTED | {"matmul"})


@every_kind
def test_unnamed_layers_are_called_after_the_kind_or_pool(kind: str) -> None:
    pools = kind.endswith("pool") and kind != "unpool"
    assert layer_class(kind).prefix == ("pool" if pools else kind)


def test_what_needs_spatial_axes() -> None:
    spatial = {kind for kind in KINDS if layer_class(kind).least_rank >= 1}
    windows = {kind for kind in KINDS if kind.endswith(("pool", "conv", "wise", "transpose"))}
    of_channels = {"channel_avgpool", "channel_maxpool"}
    assert spatial == (windows - of_channels - {"transpose"}) | RECURRENT | {
        "instancenorm",
        "grn",
        "pad",
        "crop",
        "upsample",
        "pixel_shuffle",
        "pixel_unshuffle",
        "matmul",
        "attention",
    }


def test_what_can_run_in_place() -> None:
    elementwise = {kind for kind in KINDS if layer_class(kind).elementwise}
    assert elementwise == ACTIVATIONS - {"softmax"} | {
        *("batchnorm", "scale", "pow", "sqrt", "rescaling", "add", "sub", "mul", "div")
    }


def test_what_only_looks_at_the_same_memory() -> None:
    assert {kind for kind in KINDS if layer_class(kind).view} == {
        "identity",
        "dropout",
        "stochastic_depth",
        "flatten",
        "reshape",
    }


def test_only_transposed_convolutions_scatter() -> None:
    assert {kind for kind in KINDS if layer_class(kind).scatters} == {"conv_transpose"}


def test_every_sliding_window_understands_the_padding_words() -> None:
    for kind in KINDS:
        declared = layer_class(kind).fields.get("padding")
        if declared is None or kind in {"pad", "crop"}:
            continue
        assert isinstance(declared.type, PaddingSides)
        causal = ("causal",) if kind != "conv_transpose" else ()
        assert declared.type.words == ("valid", "same", "same_lower", *causal)
