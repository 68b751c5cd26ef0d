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
from convcalc.layers.pooling import AvgPool, MaxPool
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
    real = [len([term for term in one.terms if on_map(made, term)]) for one in shown]
    assert sum(real) - len(shown) == counted(network, valid_taps=True).compares
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


def counted(network: Network, *, valid_taps: bool = False) -> Any:
    node = network.operations[-1]
    return node.layer.counts(network.input_shapes(node), node.shape, valid_taps=valid_taps)


def on_map(made: Scene, term: Any) -> bool:
    """Whether a term lies on the map, not on padding."""
    axes = ((made.depth, term.depth), (made.rows, term.row), (made.columns, term.column))
    return all([0 <= place < axis.wide for axis, place in axes])


@pytest.mark.parametrize("rank", [1, 2, 3])
@given(
    st.sampled_from([(1, 1, 1), (2, 2, 2), (3, 3, 3), (2, 2, 1), (3, 1, 1)]), st.integers(1, 3),
    st.integers(1, 2), st.integers(0, 1), st.integers(1, 2), st.booleans(), st.integers(3, 6),
)  # fmt: skip
def test_groups_and_three_axes_are_what_is_counted(
    rank: int,
    channels: tuple[int, int, int],
    kernel: int,
    stride: int,
    padding: int,
    dilation: int,
    bias: bool,
    n: int,
) -> None:
    c_in, c_out, groups = channels
    arguments = {"channels": c_out, "kernel": kernel, "stride": stride, "padding": padding}
    layer = Conv.read(
        {**arguments, "dilation": dilation, "groups": groups, "bias": bias}, rank=rank
    )
    # The depth is small, so that all of its planes can be shown.
    shape = (c_in, *[n] * rank) if rank < 3 else (c_in, 2, n, n)
    try:
        network = network_of(layer, shape)
    except RuleError:
        return
    made = scene(layer, shape, run=True)
    shown = frames(made)
    if not made.whole:
        assert rank == 3
        return
    assert len(shown) == prod(network.nodes[-1].shape)
    assert sum([len(one.terms) for one in shown]) == counted(network).multiplies
    assert sum([len(one.terms) - 1 + bias for one in shown]) == counted(network).adds
    valid = counted(network, valid_taps=True)
    real = [len([term for term in one.terms if on_map(made, term)]) for one in shown]
    assert sum(real) == valid.multiplies
    for one in shown:
        assert sum([term.value * term.weight for term in one.terms]) + (one.bias or 0) == one.result
        assert {term.channel for term in one.terms} == set(made.reads(one.output))


def test_small_layers_of_three_axes_are_shown_whole() -> None:
    made = scene(conv(3, kernel=2), (1, 3, 4, 4), run=True)
    assert made.whole
    assert made.planes == [(0, 0), (0, 1), (0, 2)]
    last = frames(made)[-1]
    assert (
        sentence(made, last) == "output (1, 2, 2) reads planes 1 to 2, rows 2 to 3, columns 2 to 3"
    )
    text = window_svg(made, animated=True)
    assert all([f">plane {z}</text>" in text for z in range(3)])


def test_two_of_three_axes_are_shown_of_others() -> None:
    made = scene(conv(3, kernel=3), (4, 16, 16, 16))
    assert not made.whole
    assert window_lines(made)[-1].startswith("  shown: 3 of the 4 channels")
    assert "two of the three axes: rows and columns" in window_lines(made)[-1]


def test_groups_say_which_channels_they_read() -> None:
    made = scene(conv(kernel=2, channels=2, groups=2), (2, 3, 3), run=True)
    last = frames(made)[-1]
    assert sentence(made, last).startswith(
        "output channel 1 at (1, 1) reads channel 1, rows 1 to 2"
    )
    text = window_svg(made)
    assert ">channel 1</text>" in text
    many = scene(conv(kernel=2, channels=8, groups=4), (8, 3, 3), run=True)
    assert "the first of 4 groups that are kept apart" in window_svg(many)


@given(
    st.integers(1, 3), st.integers(1, 3), st.integers(0, 1), st.integers(1, 2), st.integers(1, 3),
    st.booleans(), st.sampled_from([1, 2]),
)  # fmt: skip
def test_the_numbers_of_a_transposed_convolution_are_what_is_counted(
    kernel: int, stride: int, padding: int, dilation: int, n: int, bias: bool, rank: int
) -> None:
    arguments = {"channels": 1, "kernel": kernel, "stride": stride, "padding": padding}
    layer = ConvTranspose.read({**arguments, "dilation": dilation, "bias": bias}, rank=rank)
    shape = (1, *[n] * rank)
    try:
        network = network_of(layer, shape)
    except RuleError:
        return
    made = scene(layer, shape, run=True)
    if not made.whole:
        return
    shown = frames(made)
    counts = counted(network)
    terms = [term for one in shown for term in one.terms]
    assert len(terms) == counts.multiplies
    places = {(term.row, term.column) for term in terms}
    outputs = prod(network.nodes[-1].shape)
    assert len(terms) - len(places) + bias * outputs == counts.adds
    assert made.numbers is not None
    sums: dict[tuple[int, int], int] = {}
    for term in terms:
        place = (term.row, term.column)
        sums[place] = sums.get(place, 0) + term.value * term.weight
    added = made.numbers.bias[0] if bias else 0
    for row, numbers in enumerate(made.numbers.output[0]):
        for column, number in enumerate(numbers):
            assert number == sums.get((row, column), 0) + added


def test_a_part_of_a_transposed_convolution_shows_only_whole_sums() -> None:
    layer = ConvTranspose.read({"channels": 4, "kernel": 4, "stride": 2, "padding": 1}, rank=2)
    made = scene(layer, (8, 32, 32), run=True)
    assert made.numbers is not None
    places = [place for place in range(made.rows.shown) if made.rows.complete(place)]
    last = made.rows.places
    assert places == list(range(len(places)))
    assert all([place not in made.rows.read(last) for place in places])
    assert "is added" in window_svg(made)


@given(
    st.integers(1, 3), st.integers(1, 3), st.integers(0, 1), st.integers(3, 7), st.booleans(),
    st.integers(1, 2),
)  # fmt: skip
def test_the_numbers_of_an_average_are_what_is_counted(
    kernel: int, stride: int, padding: int, n: int, pads: bool, channels: int
) -> None:
    arguments = {"kernel": kernel, "stride": stride, "padding": padding}
    layer = AvgPool.read({**arguments, "count_include_pad": pads}, rank=2)
    try:
        network = network_of(layer, (channels, n, n))
    except RuleError:
        return
    made = scene(layer, (channels, n, n), run=True)
    if not made.whole:
        return
    if made.numbers is None:
        # Without the padding, sums are divided by other numbers, and results are no whole numbers.
        assert padding
        assert not pads
        return
    shown = frames(made)
    assert sum([len(one.terms) - 1 for one in shown]) == counted(network).adds
    assert len(shown) == counted(network).divides
    for one in shown:
        among = [term for term in one.terms if pads or on_map(made, term)]
        assert one.result is not None
        assert one.result * len(among) == sum([term.value for term in among])
        assert arithmetic(made, one).startswith("mean(")


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
