"""`--kernel`, `--double-padding`, all what-ifs together, and what they refuse."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from convcalc.facts import worded
from convcalc.graph import Network
from convcalc.language.load import load, loads
from convcalc.layers.base import Layer
from convcalc.layers.convolution import Conv, ConvTranspose, Depthwise
from convcalc.problems import ConvcalcError, Problem
from convcalc.shapes import LARGEST_SIZE
from convcalc.transform.whatif import applied, apply, double_padding, scale_channels, with_kernel


def shapes(network: Network) -> dict[str, tuple[int, ...]]:
    return {node.path: node.shape for node in network.operations}


def argument(network: Network, path: str, name: str) -> Any:
    (layer,) = [node.layer for node in network.nodes if node.path == path]
    return getattr(layer, name)


def one(kind: str, size: int = 16, **arguments: object) -> Network:
    """A network of one layer, on one axis of `size`."""
    given = ", ".join(f"{name}: {value}" for name, value in arguments.items())
    first = "4" if kind != "depthwise" else ""
    return loads(f"{{input: [2, {size}], layers: [{{{kind}: {first}, {given}}}]}}")


# --- Kernel ---------------------------------------------------------------------------------------


def test_a_smaller_kernel_takes_its_padding_along() -> None:
    network = load("alexnet_d2l")
    after = shapes(with_kernel(network, 1))
    # conv0 has no padding to take away: (224 - 1 + 0 + 4) // 4; the others keep what enters.
    assert after["conv0"] == (96, 56, 56)
    assert after["pool0"] == (96, 27, 27)
    assert after["conv1"] == (256, 27, 27)
    assert after["conv4"] == (256, 13, 13)
    assert after["dense2"] == (10,)


def test_a_larger_kernel_keeps_every_shape_of_a_padded_network() -> None:
    network = load("vgg16")
    after = with_kernel(network, 5)
    assert shapes(after) == shapes(network)
    kernels = {vars(node.layer)["kernel"] for node in after.nodes if node.kind == "conv"}
    assert kernels == {(5, 5)}


@pytest.mark.parametrize(
    ("padding", "kernel", "expected"),
    [
        ("1", 5, (2, 2)),
        ("1", 2, (0, 1)),
        ("1", 1, (0, 0)),
        ("0", 1, (0, 0)),
        ("0", 4, (0, 1)),
        ("[[1, 0]]", 4, (1, 1)),
        ("[[0, 1]]", 4, (1, 1)),
        ("[[1, 2]]", 5, (2, 3)),
        ("[[2, 1]]", 5, (3, 2)),
        # Causal padding stays causal.
        ("[[2, 0]]", 5, (4, 0)),
        ("[[2, 0]]", 2, (1, 0)),
        ("[[0, 2]]", 7, (0, 6)),
        ("[[1, 3]]", 5, (1, 5)),
    ],
)
def test_padding_is_split_as_it_was(padding: str, kernel: int, expected: tuple[int, int]) -> None:
    network = with_kernel(one("conv", kernel=3, padding=padding), kernel)
    assert argument(network, "conv0", "padding") == (expected,)


def test_every_axis_has_its_own_padding() -> None:
    text = """
        input: [3, 9, 9]
        layers:
          - {conv: 4, kernel: [1, 7], padding: [0, 3]}
          - {conv: 4, kernel: [3, 1], padding: [2, 0], dilation: [2, 1]}
    """
    after = with_kernel(loads(text), 3)
    assert argument(after, "conv0", "padding") == ((1, 1), (1, 1))
    assert argument(after, "conv1", "padding") == ((2, 2), (1, 1))
    assert shapes(after) == shapes(loads(text))


@pytest.mark.parametrize("padding", ["same", "same_lower", "causal"])
def test_same_stays_same(padding: str) -> None:
    network = one("depthwise", kernel=3, padding=padding, stride=2)
    after = with_kernel(network, 4)
    assert argument(after, "depthwise0", "padding") == padding
    assert shapes(after) == shapes(network)


def test_a_transposed_convolution_is_cropped_more() -> None:
    network = one("conv_transpose", kernel=4, stride=2, padding=1)
    assert network.nodes[-1].shape == (4, 32)
    after = with_kernel(network, 6)
    assert argument(after, "conv_transpose0", "padding") == ((2, 2),)
    assert after.nodes[-1].shape == (4, 32)
    # Nothing is left to crop: 15*2 + 1.
    assert with_kernel(network, 1).nodes[-1].shape == (4, 31)


@given(
    kind=st.sampled_from(["conv", "depthwise", "conv_transpose"]),
    size=st.integers(10, 40),
    kernel=st.integers(1, 6),
    other=st.integers(1, 9),
    stride=st.integers(1, 4),
    dilation=st.integers(1, 3),
    before=st.integers(0, 6),
    after=st.integers(0, 6),
)
def test_the_output_keeps_its_size_unless_padding_would_be_negative(
    kind: str,
    size: int,
    kernel: int,
    other: int,
    stride: int,
    dilation: int,
    before: int,
    after: int,
) -> None:
    sides = f"[[{before}, {after}]]"
    try:
        network = one(kind, size, kernel=kernel, stride=stride, dilation=dilation, padding=sides)
    except ConvcalcError:
        assume(False)
    # Never refused: a larger kernel brings its padding, and a smaller one fits.
    changed = with_kernel(network, other)
    ((new_before, new_after),) = argument(changed, f"{kind}0", "padding")
    grown = new_before + new_after - before - after
    assert min(new_before, new_after) >= 0
    if new_before + new_after > 0:
        assert grown == dilation * (other - kernel)
    if grown == dilation * (other - kernel):
        assert changed.nodes[-1].shape == network.nodes[-1].shape
    if abs(before - after) <= 1:
        assert abs(new_before - new_after) <= 1
    if before == 0 and after > 1:
        assert new_before == 0
    if other == kernel:
        assert changed is network


def test_pooling_and_dense_layers_have_no_kernel_to_change() -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {maxpool: 2}
          - {dense: 4, positionwise: true}
          - {avgpool: 3, stride: 1, padding: 1}
          - {dense: 2}
    """
    network = loads(text)
    assert apply(network, kernel=5, double_padding=True) is network


@pytest.mark.parametrize("size", [0, -3, 2**31])
def test_a_kernel_that_is_none(size: int) -> None:
    with pytest.raises(ConvcalcError) as caught:
        with_kernel(load("lenet"), size)
    assert caught.value.status == 2
    assert f"--kernel {size}: the size must be a whole number" in str(caught.value)


# --- Padding --------------------------------------------------------------------------------------


def test_double_padding() -> None:
    text = """
        input: [3, 8, 8]
        layers:
          - {conv: 4, kernel: 3, padding: [[0, 1], [2, 2]]}
          - {maxpool: 3, padding: 1, stride: 1}
          - {conv: 4, kernel: 3}
    """
    after = double_padding(loads(text))
    assert argument(after, "conv0", "padding") == ((0, 2), (4, 4))
    assert argument(after, "pool0", "padding") == ((1, 1), (1, 1))
    assert shapes(after) == {"conv0": (4, 8, 14), "pool0": (4, 8, 14), "conv1": (4, 6, 12)}


@pytest.mark.parametrize(
    ("kind", "size", "arguments", "expected", "out"),
    [
        # 8 positions, stride 1: two for a kernel of 3, one for an even one, on the side it says.
        ("conv", 8, {"kernel": 3, "padding": "same"}, (2, 2), 10),
        ("conv", 8, {"kernel": 2, "padding": "same"}, (0, 2), 9),
        ("conv", 8, {"kernel": 2, "padding": "same_lower"}, (2, 0), 9),
        ("conv", 8, {"kernel": 3, "dilation": 2, "padding": "causal"}, (8, 0), 12),
        ("depthwise", 8, {"kernel": 3, "stride": 2, "padding": "same"}, (0, 2), 4),
        ("conv", 9, {"kernel": 3, "stride": 2, "padding": "same"}, (2, 2), 6),
        ("conv", 8, {"kernel": 3, "dilation": 2, "padding": "same"}, (4, 4), 12),
        ("conv", 8, {"kernel": 1, "padding": "same"}, (0, 0), 8),
        # Cropped by 2, then by 4, from 8*2 + 2.
        ("conv_transpose", 8, {"kernel": 4, "stride": 2, "padding": "same"}, (2, 2), 14),
        ("conv_transpose", 8, {"kernel": 4, "stride": 2, "padding": 1}, (2, 2), 14),
    ],
)
def test_same_padding_becomes_numbers(
    kind: str, size: int, arguments: dict[str, object], expected: tuple[int, int], out: int
) -> None:
    after = double_padding(one(kind, size, **arguments))
    assert argument(after, f"{kind}0", "padding") == (expected,)
    assert after.nodes[-1].shape[1] == out


# --- Together -------------------------------------------------------------------------------------


def test_no_what_if_is_the_network_itself() -> None:
    network = load("lenet")
    assert apply(network) is network
    assert apply(network, scale_channels=1) is network
    assert apply(network, double_channels=True, scale_channels=Fraction(1, 2)) is network


def test_what_ifs_are_applied_in_one_order() -> None:
    network = load("lenet")
    together = apply(network, double_channels=True, double_padding=True, kernel=3)
    apart = double_padding(with_kernel(scale_channels(network, 2), 3))
    assert [node.layer for node in together.nodes] == [node.layer for node in apart.nodes]
    # A padding of 2 for 5x5 is 1 for 3x3, and then doubled.
    assert argument(together, "conv0", "padding") == ((2, 2), (2, 2))
    assert shapes(together)["conv0"] == (12, 30, 30)


def test_factors_multiply_before_rounding() -> None:
    network = loads("{input: [3, 4, 4], layers: [{conv: 5, kernel: 1}, {conv: 2, kernel: 1}]}")
    after = apply(network, double_channels=True, scale_channels=Fraction(1, 2))
    assert shapes(after)["conv0"][0] == 5


def test_the_what_ifs_that_changed_something_are_named() -> None:
    network = loads(
        "{args: {w: 4}, input: [3, 4, 4], layers: [{conv: w, kernel: 1}, {conv: 2, kernel: 1}]}",
        args={"w": 8},
    )
    after, what_ifs = applied(
        network, double_channels=True, scale_channels=Fraction(3, 8), kernel=3, double_padding=True
    )
    assert what_ifs == [
        "--double-channels --scale-channels 0.375",
        "--kernel 3",
        "--double-padding",
    ]
    assert after.name == network.name
    assert applied(network, scale_channels=1) == (network, [])
    assert applied(network, kernel=1, double_channels=True)[1] == ["--double-channels"]


# --- What breaks ----------------------------------------------------------------------------------


def refused(network: Network, **what: Any) -> Problem:
    with pytest.raises(ConvcalcError) as caught:
        apply(network, **what)
    assert caught.value.status == 1
    (problem,) = caught.value.problems
    return problem


def test_a_join_whose_branches_no_longer_fit() -> None:
    text = """
input: [3, 8, 8]
layers:
  - add:
      - [{conv: 4, kernel: 3}]
      - [{conv: 4, kernel: 1}, {crop: 1}]
"""
    problem = refused(loads(text, name="net.yaml"), kernel=1)
    assert str(problem) == (
        "net.yaml:4:5: error[join-mismatch]: with --kernel 1, add0: add needs equal spatial sizes"
        " (or 1), not 8x8, 6x6"
    )
    assert ("input", "(1, 4, 8, 8), (1, 4, 6, 6)") in worded(problem.facts)


def test_a_window_that_no_longer_fits() -> None:
    text = """
        input: [3, 4, 4]
        layers:
          - {conv: 4, kernel: 3, padding: 1}
          - {conv_transpose: 2, kernel: 4, padding: 3}
    """
    problem = refused(loads(text), double_padding=True)
    assert problem.code == "window-too-large"
    assert problem.text == (
        "with --double-padding, conv_transpose0: padding leaves no output height"
    )


@pytest.mark.parametrize("kernel", [1, 2, 3, 8])
def test_same_keeps_a_transposed_convolutions_size(kernel: int) -> None:
    text = "{input: [3, 4], layers: [{conv_transpose: 2, kernel: 3, stride: 3, padding: same}]}"
    changed = with_kernel(loads(text), kernel)
    assert changed.nodes[-1].shape == (2, 12)


def test_a_reshape_that_no_longer_holds_its_values() -> None:
    text = "{input: [3, 4, 4], layers: [{conv: 4, kernel: 3}, {reshape: [8, 2]}, {dense: 2}]}"
    problem = refused(loads(text), kernel=1)
    assert problem.text == (
        "with --kernel 1, reshape0: shape [8, 2] does not hold the input's 64 values"
    )


@pytest.mark.parametrize(
    ("what", "named", "padding"),
    [
        ({"double_padding": True}, "--double-padding", 2147483650),
        # 4*(K - 1) more in all, half of it on each side.
        ({"kernel": LARGEST_SIZE}, "--kernel 2147483647", 5368709117),
    ],
)
def test_padding_without_end(what: dict[str, Any], named: str, padding: int) -> None:
    text = f"""
        input: [1, 4]
        layers:
          - {{conv: 2, kernel: 1, dilation: 4, padding: {2**30 + 1}, stride: {2**30}}}
    """
    problem = refused(loads(text), **what)
    assert problem.code == "size-too-large"
    assert problem.text.startswith(f"with {named}, conv0: padding {padding}")


def test_layers_without_a_window_of_weights_ignore_these_what_ifs() -> None:
    layer = Layer()
    assert layer.with_kernel(3) is layer
    assert layer.with_double_padding([]) is layer
    for kind in (Conv, Depthwise, ConvTranspose):
        assert kind.with_kernel is not Layer.with_kernel
