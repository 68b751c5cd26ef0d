"""Graphs of PyTorch's operators, as `convcalc.torch` takes them apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

import convcalc
from convcalc.exchange.files import ModelFile
from convcalc.exchange.model import Choices
from convcalc.exchange.onnx.aten import Call, Parameter, Ref, Traced, model_of
from convcalc.exchange.onnx.reader import read_model
from convcalc.graph import Network
from convcalc.shapes import Shape

X: Shape = (1, 8, 12, 12)


def network(
    *calls: Call,
    inputs: Mapping[str, Shape] | None = None,
    parameters: Mapping[str, Shape] | None = None,
) -> Network:
    """The network of some calls, the last of which makes the result."""
    learned = (parameters or {}).items()
    traced = Traced(
        inputs or {"x": X},
        {f"p_{name}": Parameter(name.replace("_", "."), shape) for name, shape in learned},
        {},
        calls,
        [calls[-1].name],
    )
    return read_model(model_of(traced), ModelFile("", b"", "net"), Choices()).network


def call(target: str, shape: Shape, *args: Any, **named: Any) -> Call:
    """A call that reads the input and makes one value."""
    return Call(target, "y", (Ref("x"), *args), named, (shape,))


def result(found: Network) -> Shape:
    """The shape of the result."""
    return found.nodes[next(iter(found.outputs.values()))].shape


@pytest.mark.parametrize(
    ("made", "parameters", "kinds", "params"),
    [
        (
            call(
                "conv2d.default", (1, 4, 6, 6), Ref("p_c_weight"), Ref("p_c_bias"), [2, 2], [1, 1]
            ),
            {"c_weight": (4, 8, 3, 3), "c_bias": (4,)},
            ["conv"],
            4 * 8 * 9 + 4,
        ),
        (
            call("conv2d.padding", (1, 4, 12, 12), Ref("p_c_weight"), None, 1, "same"),
            {"c_weight": (4, 8, 3, 3)},
            ["conv"],
            4 * 8 * 9,
        ),
        (
            call(
                "conv_transpose2d.input",
                (1, 4, 24, 24),
                Ref("p_c_weight"),
                None,
                [2, 2],
                [1, 1],
                [1, 1],
            ),
            {"c_weight": (8, 4, 3, 3)},
            ["conv_transpose"],
            8 * 4 * 9,
        ),
        (
            call(
                "batch_norm.default",
                X,
                Ref("p_n_weight"),
                Ref("p_n_bias"),
                Ref("p_n_mean"),
                Ref("p_n_var"),
                False,
                0.1,
                1e-5,
                True,
            ),
            {"n_weight": (8,), "n_bias": (8,), "n_mean": (8,), "n_var": (8,)},
            ["batchnorm"],
            16,
        ),
        (call("relu_.default", X), {}, ["relu"], 0),
        (call("silu.default", X), {}, ["silu"], 0),
        (call("hardtanh.default", X, 0.0, 6.0), {}, ["relu6"], 0),
        (call("gelu.default", X), {}, ["gelu"], 0),
        (call("hardswish_.default", X), {}, ["hard_swish"], 0),
        (call("max_pool2d.default", (1, 8, 6, 6), [2, 2]), {}, ["maxpool"], 0),
        (call("avg_pool2d.default", (1, 8, 4, 4), [3, 3]), {}, ["avgpool"], 0),
        (call("adaptive_avg_pool2d.default", (1, 8, 1, 1), [1, 1]), {}, ["global_avgpool"], 0),
        (call("adaptive_avg_pool2d.default", (1, 8, 4, 4), [4, 4]), {}, ["adaptive_avgpool"], 0),
        (
            call("upsample_nearest2d.vec", (1, 8, 24, 24), None, [2.0, 2.0]),
            {},
            ["upsample"],
            0,
        ),
        (
            call("upsample_bilinear2d.vec", (1, 8, 24, 24), None, False, [2.0, 2.0]),
            {},
            ["upsample"],
            0,
        ),
        (call("pixel_shuffle.default", (1, 2, 24, 24), 2), {}, ["pixel_shuffle"], 0),
        (call("channel_shuffle.default", X, 2), {}, ["channel_shuffle"], 0),
        (call("pad.default", (1, 8, 14, 13), [1, 0, 1, 1]), {}, ["pad"], 0),
        (call("mean.dim", (1, 8), [2, 3]), {}, ["global_avgpool", "flatten"], 0),
        (call("flatten.using_ints", (1, 1152), 1), {}, ["flatten"], 0),
        (call("softmax.int", X, 1), {}, ["softmax"], 0),
        (call("dropout.default", X, 0.5, False), {}, ["identity"], 0),
    ],
    ids=lambda value: value.target if isinstance(value, Call) else "",
)
def test_each_operator_is_the_kind_that_it_is(
    made: Call, parameters: dict[str, Shape], kinds: list[str], params: int
) -> None:
    found = network(made, parameters=parameters)
    assert [node.kind for node in found.operations] == kinds
    report = convcalc.analyze(found)
    assert report.complete
    assert report.totals.params == params
    batch, *sizes = made.shapes[0]
    assert batch == 1
    assert [size for size in result(found) if size > 1] == [size for size in sizes if size > 1]


def test_a_linear_layer_of_tokens_is_a_dense_layer_at_each_position() -> None:
    made = call("linear.default", (1, 7, 5), Ref("p_fc_weight"), Ref("p_fc_bias"))
    learned = {"fc_weight": (5, 3), "fc_bias": (5,)}
    found = network(made, inputs={"x": (1, 7, 3)}, parameters=learned)
    totals = convcalc.analyze(found).totals
    assert (totals.params, totals.macs) == (20, 7 * 15)


def test_the_tanh_form_of_gelu_is_its_parts() -> None:
    found = network(call("gelu.default", X, approximate="tanh"))
    assert "tanh" in [node.kind for node in found.operations]
    assert convcalc.analyze(found).complete


def test_attention_is_recognised() -> None:
    shape = (1, 2, 10, 4)
    arguments = (Ref("q"), Ref("k"), Ref("v"))
    made = Call("scaled_dot_product_attention.default", "y", arguments, {}, (shape,))
    found = network(made, inputs=dict.fromkeys(("q", "k", "v"), shape))
    # Two products of 2 heads, 10 queries and 10 keys, each of 4 channels.
    assert convcalc.analyze(found).totals.macs == 2 * 2 * 10 * 10 * 4


def test_a_value_that_several_read_and_a_result_of_several() -> None:
    parts = Call("split.Tensor", "s", (Ref("x"), 4, 1), {}, ((1, 4, 12, 12), (1, 4, 12, 12)))
    made = Call("add.Tensor", "y", (Ref("s"), Ref("s:1")), {"alpha": 1}, ((1, 4, 12, 12),))
    found = network(parts, made)
    assert result(found) == (4, 12, 12)
    assert "add" in [node.kind for node in found.operations]


def test_an_operator_without_a_rule_keeps_its_name_and_its_shape() -> None:
    found = network(call("nonzero_static.default", (1, 100, 4)))
    (node,) = found.operations
    assert node.kind == "opaque"
    assert "nonzero_static" in str(node.layer)
    assert not convcalc.analyze(found).complete


def test_modules_give_their_names() -> None:
    scope = ("layer1", "layer1.0", "layer1.0.act")
    made = Call("relu.default", "y", (Ref("x"),), {}, (X,), scope)
    assert [node.path for node in network(made).operations] == ["layer1.0.act"]
