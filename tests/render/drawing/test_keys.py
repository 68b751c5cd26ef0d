"""Pictures of attention: which keys a query reads, in characters and as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

import convcalc
from convcalc.graph import GraphBuilder, Network
from convcalc.layers.attention import Attention
from convcalc.render.drawing.keys import Keys, keys_of, sentence
from convcalc.render.drawing.keys_svg import keys_svg
from convcalc.render.drawing.keys_text import keys_lines

PLAIN = str.maketrans("\u25a1\u25a0\u00d7\u2026", "o#x~")


def attention(shape: Sequence[int], key: Sequence[int] = (), **arguments: Any) -> Network:
    builder = GraphBuilder()
    query = builder.input("query", tuple(shape))
    others = builder.input("key", tuple(key)) if key else query
    layer = Attention.read(arguments, rank=len(shape) - 1)
    end = builder.add(layer, [query, others, others], path="layer")
    return builder.network("net", {"out": end})


def keys(network: Network) -> Keys:
    for node in network.operations:
        found = keys_of(node.layer, network.input_shapes(node), node.path)
        if found is not None:
            return found
    raise AssertionError("the network has no attention")


def drawn(*shape: int, **arguments: Any) -> list[str]:
    return [line.translate(PLAIN) for line in keys_lines(keys(attention(shape, **arguments)))]


def test_a_shifted_window_keeps_the_ends_apart() -> None:
    assert drawn(4, 6, 6, window=3, shift=1) == [
        "       0  1  2  3  4  5",
        "   0   o  # [#] #  o  o",
        "   1   o  o  o  o  o  o",
        "   2   o  o  o  o  o  o",
        "   3   o  o  o  o  o  o",
        "   4   o  x  x  x  o  o",
        "   5   o  x  x  x  o  o",
        "",
        "  o position  # key that the query reads  x kept apart by the shift  [ ] the query",
        "  query (0, 2) reads 3 keys: row 0, columns 1 to 3",
        "  6 more share its window, but the shift keeps them apart",
        "  the head sums 4 products of channels for a query and a key",
    ]


def test_a_sequence_shows_the_keys_of_every_query() -> None:
    assert drawn(8, 6, window=2, heads=2) == [
        "       0  1  2  3  4  5",
        "   0   #  #  o  o  o  o",
        "   1   #  #  o  o  o  o",
        "   2   o  o  #  #  o  o",
        "   3   o  o  #  #  o  o",
        "   4   o  o  o  o  #  #",
        "   5   o  o  o  o  #  #",
        "",
        "  rows: queries, columns: keys  o position  # key that the query reads",
        "  query 1 reads 2 keys: positions 0 to 1",
        "  each of the 2 heads sums 4 products of channels for a query and a key",
    ]


def test_all_keys() -> None:
    lines = drawn(4, 2, 3)
    assert lines[1:3] == ["   0   #  #  #", "   1   # [#] #"]
    assert lines[5] == "  query (1, 1) reads 6 keys: all rows, all columns"


def test_dilated_windows() -> None:
    lines = drawn(4, 4, 4, window=2, dilation=2)
    assert lines[1:5] == [
        "   0   #  o  #  o",
        "   1   o  o  o  o",
        "   2   #  o [#] o",
        "   3   o  o  o  o",
    ]
    assert "rows 0 to 2 in steps of 2" in lines[7]


def test_queries_of_another_map_have_no_place_among_the_keys() -> None:
    network = attention((4, 2, 2), (4, 3, 5))
    lines = [line.translate(PLAIN) for line in keys_lines(keys(network))]
    assert lines[1:4] == [f"   {row}   #  #  #  #  #" for row in range(3)]
    assert "outlined" not in keys_svg(keys(network))


def test_long_axes_are_cut() -> None:
    lines = drawn(4, 10**9)
    assert len(lines) < 30
    assert lines[1].endswith("~")
    assert "shown: the first positions" in lines[-1]
    assert len(keys_svg(keys(attention((4, 10**6, 10**6), window=10**4))).encode()) <= 20 * 1024


@given(
    st.integers(1, 3), st.integers(1, 2), st.integers(1, 2), st.integers(0, 3), st.integers(1, 3),
    st.integers(1, 2), st.booleans(), st.sampled_from([1, 2]),
)  # fmt: skip
def test_the_keys_of_all_queries_are_what_is_counted(
    blocks: int, taps: int, dilation: int, shift: int, heads: int, deep: int, wide: bool, rank: int
) -> None:
    size = blocks * taps * dilation
    shape = (heads * deep, *[size] * rank)
    arguments: dict[str, Any] = {"heads": heads}
    if not wide:
        shift = min(shift, taps - 1) if dilation == 1 else 0
        arguments |= {"window": taps, "dilation": dilation, "shift": shift}
    network = attention(shape, **arguments)
    found = keys(network)
    assert found.whole
    assert found.taps == deep
    node = next(node for node in network.operations if node.kind == "attention_scores")
    shapes = network.input_shapes(node)
    read = sum([found.count(query) for query in found.queries])
    apart = sum([found.kept_apart(query) for query in found.queries])
    each = heads * found.taps
    counted = node.layer.counts(shapes, node.shape)
    assert (read + apart) * each == counted.multiplies
    assert (read + apart) * heads * (found.taps - 1) == counted.adds
    # What a shift keeps apart is not counted with --valid-taps.
    assert read * each == node.layer.counts(shapes, node.shape, valid_taps=True).multiplies
    # What is drawn is what is counted.
    for query in found.queries:
        states = [
            found.state(query, row, column)
            for row in range(found.rows.size)
            for column in range(found.columns.size)
        ]
        assert states.count("key") == found.count(query)
        assert states.count("apart") == found.kept_apart(query)


@pytest.mark.parametrize("animated", [False, True])
@pytest.mark.parametrize("name", ["swin_t", "vit_b_16", "maxvit_t", "detr_resnet50"])
def test_svg_is_small_and_well_formed(name: str, animated: bool) -> None:
    made = keys(convcalc.load(name))
    text = keys_svg(made, animated=animated)
    assert len(text.encode()) <= 20 * 1024
    root = ET.fromstring(text)  # noqa: S314 - our own text
    shown = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert sentence(made, (0, 0) if animated else made.default) in shown
    moving = [one for one in root.iter() if one.get("class", "").startswith("k ")]
    if not animated:
        assert not moving
        return
    # Without styles nothing moves, and the first query shows.
    assert [one.get("visibility") for one in moving] == [None, *["hidden"] * (len(moving) - 1)]


def test_layers_without_keys() -> None:
    network = convcalc.load("lenet")
    for node in network.operations:
        assert keys_of(node.layer, network.input_shapes(node), "") is None
