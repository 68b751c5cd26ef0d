"""Pictures of windows: what is read, which numbers it makes, in characters and as SVG."""

from __future__ import annotations

import re
from math import prod
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

import convcalc
from convcalc.cli.windows import numbered
from convcalc.graph import GraphBuilder, Network
from convcalc.layers.base import Layer
from convcalc.layers.convolution import Conv, ConvTranspose, Depthwise
from convcalc.layers.pooling import MaxPool
from convcalc.problems import RuleError
from convcalc.render.drawing.window import Scene, arithmetic, frame, frames, scene_of, sentence
from convcalc.render.drawing.window_svg import window_svg
from convcalc.render.drawing.window_text import window_lines


def network_of(layer: Layer, shape: tuple[int, ...]) -> Network:
    builder = GraphBuilder()
    end = builder.add(layer, [builder.input("input", shape)], path="layer")
    return builder.network("net", {"out": end})


def scene(layer: Layer, shape: tuple[int, ...], *, run: bool = False) -> Scene:
    found = scene_of(layer, [shape], "title")
    assert found is not None
    network = network_of(layer, shape)
    return numbered(found, network.nodes[-1], network) if run else found


def conv(rank: int = 2, **arguments: Any) -> Layer:
    return Conv.read({"channels": 1, "bias": False, **arguments}, rank=rank)


def test_characters() -> None:
    lines = window_lines(scene(conv(kernel=3, stride=2, padding=1), (1, 5, 5)))
    plain = str.maketrans("\u25a1\u00b7\u25a0\u25aa", "o.#+")
    assert [line.translate(plain) for line in lines] == [
        "      -1  0  1  2  3  4  5",
        "  -1   .  . [+  +  +] .  .",
        "   0   .  o [#  #  #] o  .           0  1  2",
        "   1   .  o [#  #  #] o  .       0   o  #  o",
        "   2   .  o  o  o  o  o  .       1   o  o  o",
        "   3   .  o  o  o  o  o  .       2   o  o  o",
        "   4   .  o  o  o  o  o  .",
        "   5   .  .  .  .  .  .  .",
        "",
        "  o input  . padding  # read  + read, padding",
        "  output (0, 1) reads rows -1 to 1, columns 1 to 3: 6 of 9 places lie inside",
    ]


def test_what_is_never_read() -> None:
    lines = window_lines(scene(MaxPool.read({"kernel": 2}, rank=2), (1, 5, 5)))
    assert lines[-1] == "  never read: row 4; column 4"
    assert sum([line.count("\u00d7") for line in lines[:6]]) == 9


def test_dilation() -> None:
    lines = window_lines(scene(conv(kernel=3, dilation=2), (1, 7, 7)))
    assert lines[1].startswith("   0   \u25a1 [\u25a0  \u25a1  \u25a0  \u25a1  \u25a0] \u25a1")
    assert "rows 0 to 4 in steps of 2" in lines[-1]


def test_one_axis() -> None:
    lines = window_lines(scene(conv(1, kernel=3, padding=1), (1, 6)))
    assert lines[1].startswith("       \u00b7 [\u25a0  \u25a0  \u25a0] \u25a1")
    assert lines[-1] == "  output 1 reads positions 0 to 2"


def test_a_transposed_convolution_adds_to_a_window_of_the_output() -> None:
    layer = ConvTranspose.read({"channels": 1, "kernel": 3, "stride": 2, "padding": 1}, rank=2)
    lines = window_lines(scene(layer, (1, 3, 3)))
    assert lines[-1] == "  input (1, 1) times the kernel is added to rows 1 to 3, columns 1 to 3"
    assert any(["\u00b7 cut off" in line for line in lines])


def test_what_has_no_window_has_no_picture() -> None:
    network = convcalc.load("lenet")
    dense = next(node for node in network.nodes if node.kind == "dense")
    assert scene_of(dense.layer, network.input_shapes(dense), "") is None
    assert scene_of(conv(kernel=31), [(1, 64, 64)], "") is None


@given(
    st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.integers(0, 2),
    st.integers(1, 3), st.booleans(), st.integers(3, 8),
)  # fmt: skip
def test_the_numbers_of_all_frames_are_what_is_counted(
    c_in: int, c_out: int, kernel: int, stride: int, padding: int, dilation: int, bias: bool, n: int
) -> None:
    arguments = {"channels": c_out, "kernel": kernel, "stride": stride, "padding": padding}
    layer = Conv.read({**arguments, "dilation": dilation, "bias": bias}, rank=2)
    try:
        network = network_of(layer, (c_in, n, n))
    except RuleError:
        return
    made = scene(layer, (c_in, n, n), run=True)
    shown = frames(made)
    counts = convcalc.analyze(network).totals.counts
    if not made.whole:
        assert len(shown) < prod(network.nodes[-1].shape)
        return
    assert sum([len(one.terms) for one in shown]) == counts.multiplies
    assert sum([len(one.terms) - 1 + bias for one in shown]) == counts.adds
    for one in shown:
        total = sum([term.value * term.weight for term in one.terms]) + (one.bias or 0)
        assert total == one.result


@given(st.integers(1, 3), st.integers(1, 3), st.integers(0, 1), st.integers(3, 8), st.booleans())
def test_the_numbers_of_a_pooling_are_what_is_counted(
    kernel: int, stride: int, padding: int, n: int, ceil: bool
) -> None:
    arguments = {"kernel": kernel, "stride": stride, "padding": padding, "ceil_mode": ceil}
    layer = MaxPool.read(arguments, rank=2)
    try:
        network = network_of(layer, (1, n, n))
    except RuleError:
        return
    made = scene(layer, (1, n, n), run=True)
    shown = frames(made)
    if not made.whole:
        assert len(shown) < prod(network.nodes[-1].shape)
        return
    counts = convcalc.analyze(network).totals.counts
    assert sum([len(one.terms) - 1 for one in shown]) == counts.compares
    for one in shown:
        inside = [term.value for term in one.terms if 0 <= term.row < n and 0 <= term.column < n]
        assert one.result == max(inside)


@given(st.integers(1, 3), st.integers(1, 2), st.integers(0, 1), st.integers(3, 8), st.booleans())
def test_the_numbers_of_a_depthwise_convolution_are_what_is_counted(
    kernel: int, stride: int, padding: int, n: int, bias: bool
) -> None:
    arguments = {"kernel": kernel, "stride": stride, "padding": padding, "bias": bias}
    layer = Depthwise.read(arguments, rank=2)
    network = network_of(layer, (1, n, n))
    made = scene(layer, (1, n, n), run=True)
    shown = frames(made)
    assert made.whole
    counts = convcalc.analyze(network).totals.counts
    assert sum([len(one.terms) for one in shown]) == counts.multiplies
    assert sum([len(one.terms) - 1 + bias for one in shown]) == counts.adds


def test_depthwise_reads_its_own_channel() -> None:
    made = scene(Depthwise.read({"kernel": 3}, rank=2), (1, 5, 5), run=True)
    assert made.inputs == 1
    assert len(frames(made)[0].terms) == 9


def test_the_arithmetic_of_a_position() -> None:
    made = scene(MaxPool.read({"kernel": 2}, rank=2), (1, 4, 4), run=True)
    shown = frame(made, 0, 0, 1)
    values = [term.value for term in shown.terms]
    assert arithmetic(made, shown) == f"max({', '.join(map(str, values))}) = {max(values)}"
    made = scene(conv(kernel=2), (1, 3, 3), run=True)
    assert re.fullmatch(
        r"\d\u00b7\S+( \+ \d\u00b7\S+){3} = \S+", arithmetic(made, made_first(made))
    )


def made_first(made: Scene) -> Any:
    return frames(made)[0]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("lenet", "conv"),
        ("lenet", "avgpool"),
        ("alexnet", "conv"),
        ("unet", "conv_transpose"),
        ("tcn", "conv"),
        ("unet3d", "maxpool"),
        ("mobilenet_v2", "depthwise"),
        ("ssd300_vgg16", "conv"),
        ("deeplabv3_resnet101", "conv"),
        ("poolformer_s12", "conv"),
    ],
)
def test_svg_is_small_and_well_formed(name: str, kind: str) -> None:
    network = convcalc.load(name)
    node = next(node for node in network.nodes if node.kind == kind)
    shapes = network.input_shapes(node)
    for animated, most in ((False, 9), (True, 6)):
        found = scene_of(node.layer, shapes, "<title>", most)
        assert found is not None
        made = numbered(found, node, network)
        text = window_svg(made, formulas=["a < b & c"], animated=animated)
        root = ET.fromstring(text)  # noqa: S314 - our own text
        assert len(text.encode()) <= 20 * 1024
        texts = [element.text or "" for element in root.iter() if element.tag.endswith("text")]
        assert {"<title>", "a < b & c"} <= set(texts)
        if animated:
            moving = [one for one in root.iter() if one.get("class", "").startswith("k ")]
            hidden = [one.get("visibility") for one in moving]
            # Without styles nothing moves, and the first position shows.
            assert hidden == [None, *["hidden"] * (len(moving) - 1)]
            assert "prefers-reduced-motion" in text
        else:
            assert sentence(made, frame(made, 0, *made.default)) in texts
