"""The pictures of chains as books have them: maps as boxes, or facing the reader."""

from __future__ import annotations

import re
from itertools import combinations, pairwise
from math import prod
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

import convcalc
from convcalc.graph import GraphBuilder, Network
from convcalc.layers.activation import ReLU
from convcalc.layers.opaque import Opaque
from convcalc.problems import ConvcalcError
from convcalc.render.drawing.structure import sources_of
from convcalc.render.drawing.volumes import MOST_SOLIDS, Volumes, volumes
from convcalc.render.drawing.volumes_layout import Layout, layout
from convcalc.render.drawing.volumes_svg import volumes_svg
from tests.quick import every_network
from tests.render.drawing.test_svg import HOSTILE
from tests.shipped import shipped


def made(network: Network) -> Volumes:
    return volumes(network, convcalc.analyze(network).units)


def is_chain(network: Network) -> bool:
    units = convcalc.analyze(network).units
    sources = sources_of(network, units)
    return all([read == (index - 1,) for index, read in enumerate(sources) if index])


CHAINS = [
    *("alexnet", "crnn", "dcgan", "ds_cnn", "espcn", "fc_autoencoder", "figure_maxpool", "lenet"),
    *("m5", "mobilenet_v1", "nin", "vgg11_bn", "vgg11_d2l", "vgg16", "vgg19"),
]


def faults(found: Layout) -> list[str]:
    """What is wrong with the places of a picture."""
    boxes = [label.box for label in found.labels]
    wrong = [
        f"{one} and {other} overlap"
        for one, other in combinations(boxes, 2)
        if one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
    ]
    points = [point for body in found.bodies for face in body.faces for point in face.points]
    points += [point for outline in found.windows for point in outline]
    points += [point for line in (*found.rays, *found.joints) for point in line]
    lowest = max([y for _, y in points])
    wrong += [f"{box} lies on the picture" for box in boxes if box[1] < lowest]
    corners = [*points, *[box[:2] for box in boxes], *[box[2:] for box in boxes]]
    inside = [0 <= x <= found.width and 0 <= y <= found.height for x, y in corners]
    if not all(inside):
        wrong.append("something lies outside of the picture")
    bounds = [
        (
            min([x for face in body.faces for x, _ in face.points]),
            max([x for face in body.faces for x, _ in face.points]),
        )
        for body in found.bodies
    ]
    if bounds != sorted(bounds):
        wrong.append("the maps do not stand in their order")
    return wrong


@pytest.mark.no_cover
@every_network
def test_every_network_is_drawn_or_refused(name: str) -> None:
    network = shipped(name)
    if is_chain(network):
        assert faults(layout(made(network))) == []
        return
    with pytest.raises(ConvcalcError, match="--volumes draws chains only: '") as raised:
        made(network)
    named = raised.value.problems[0].message.split("'")[1]
    assert named in [unit.path for unit in convcalc.analyze(network).units]


@pytest.mark.parametrize("name", CHAINS)
def test_each_chain_is_drawn_without_a_fault(name: str) -> None:
    picture = made(shipped(name))
    assert faults(layout(picture)) == []
    text = volumes_svg(picture)
    assert len(text.encode()) <= 20 * 1024
    root = ET.fromstring(text)  # noqa: S314 - our own text
    assert re.findall(r"\w+://[^\"]*", text) == ["http://www.w3.org/2000/svg"]
    tags = {element.tag.partition("}")[2] for element in root.iter()}
    assert tags <= {"svg", "title", "desc", "style", "rect", "path", "g", "text", "circle"}
    assert text == volumes_svg(made(shipped(name)))


@pytest.mark.parametrize("name", CHAINS)
def test_every_shape_is_that_of_the_report(name: str) -> None:
    picture = made(shipped(name))
    units = convcalc.analyze(shipped(name)).units
    shapes = {unit.path: unit.output[1:] for unit in units}
    drawn = []
    for block in picture.blocks:
        channels, _, size = block.shape.rpartition(" \u00d7 ")
        reported = [shapes[solid.unit.path] for solid in block.solids]
        drawn += [solid.unit.path for solid in block.solids]
        if not channels:
            assert set(reported) == {tuple(map(int, block.shape.split("\u00d7")))}
            continue
        sizes = tuple(map(int, size.split("\u00d7")))
        assert {shape[1:] for shape in reported} == {sizes}
        first = [shape[0] for shape in reported]
        if "\u2013" in channels:
            assert channels == f"{min(first)}\u2013{max(first)}"
        else:
            assert list(map(int, channels.split(", "))) == first
    assert sorted([*drawn, *picture.left_out]) == sorted(shapes)


@pytest.mark.parametrize("name", CHAINS)
def test_what_is_left_out_changes_no_size(name: str) -> None:
    network = shipped(name)
    units = convcalc.analyze(network).units
    left_out = set(made(network).left_out)
    for before, unit in pairwise(units):
        if unit.path in left_out:
            one, other = unit.output[1:], before.output[1:]
            assert prod(one) == prod(other)
            ones = [size for size in one if size > 1] == [size for size in other if size > 1]
            assert len(one) == 1 or ones


def test_words_of_blocks() -> None:
    blocks = {block.shape: block.lines for block in made(shipped("nin")).blocks}
    assert blocks["96\u00d754\u00d754"] == ("conv 11\u00d711 /4", "2 \u00d7 conv 1\u00d71")
    many = [block for block in made(shipped("mobilenet_v1")).blocks if len(block.solids) > 4]
    assert [block.shape for block in many] == ["256\u2013512 \u00d7 14\u00d714"]
    assert all([len(block.lines) <= 4 for block in many])


def test_few_small_maps_face_the_reader_with_each_window() -> None:
    found = layout(made(shipped("lenet")))
    # Four layers have a window, each with its outline and the cell that it makes.
    assert len(found.windows) == 8
    # Two lines lead to each of the three vectors.
    assert len(found.joints) == 6
    squares = [len(body.faces) for body in found.bodies[:5]]
    assert squares == [1, 6, 6, 10, 10]


def test_windows_are_drawn_to_scale() -> None:
    network = convcalc.loads("{input: [1, 16, 16], layers: [{conv: 2, kernel: 4, stride: 4}]}")
    found = layout(made(network))
    window, cell = found.windows
    (left, _), (right, _) = found.bodies[0].faces[-1].points[:2]
    assert window[1][0] - window[0][0] == pytest.approx((right - left) * 4 / 16)
    (left, _), (right, _) = found.bodies[1].faces[-1].points[:2]
    assert cell[1][0] - cell[0][0] == pytest.approx((right - left) / 4)


def test_only_convolutions_that_stand_alone_have_pyramids() -> None:
    assert len(layout(made(shipped("alexnet"))).dots) == 3
    assert layout(made(shipped("vgg16"))).dots == []


def test_an_activation_is_a_band_of_what_it_follows() -> None:
    network = convcalc.loads(
        "{input: [32, 8, 8], layers: [{conv: 32, kernel: 3}, relu, {conv: 8, kernel: 3}]}"
    )
    picture = made(network)
    assert picture.left_out == ("relu0",)
    assert [body.faces[-1].part for body in layout(picture).bodies] == ["side", "band", "side"]


def test_a_join_is_named() -> None:
    network = convcalc.loads(
        "{input: [3, 8, 8], layers: [{add: [[{conv: 3, kernel: 1}], []]}, {dense: 2}]}"
    )
    with pytest.raises(
        ConvcalcError, match=r"chains only: 'add0' \(add\) joins 2 values"
    ) as raised:
        made(network)
    assert raised.value.problems[0].code == "bad-option"


def test_other_networks_that_are_no_chain() -> None:
    builder = GraphBuilder()
    start = builder.input("input", (4,))
    first = builder.add(ReLU(), [start], path="first")
    second = builder.add(ReLU(), [start], path="second")
    network = builder.network("two", {"a": first, "b": second})
    with pytest.raises(ConvcalcError, match="'second' reads 'input', which others read as well"):
        made(network)
    builder = GraphBuilder()
    one = builder.input("one", (4,))
    two = builder.input("two", (4,))
    network = builder.network("two", {"a": one, "b": two})
    with pytest.raises(ConvcalcError, match=r"'two' .* is a second value"):
        made(network)


def test_too_many_layers_are_refused() -> None:
    text = f"{{input: [3, 8, 8], layers: [{{conv: 3, kernel: 1, repeat: {MOST_SOLIDS}}}]}}"
    with pytest.raises(ConvcalcError, match=f"at most {MOST_SOLIDS} maps"):
        made(convcalc.loads(text))


@given(
    st.tuples(st.integers(1, 10**9), st.integers(1, 10**9), st.integers(1, 10**9)),
    st.lists(
        st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 10**6), st.booleans()),
        min_size=1,
        max_size=MOST_SOLIDS - 2,
    ),
)
def test_any_chain_is_drawn_without_a_fault(
    shape: tuple[int, int, int], layers: list[tuple[int, int, int, bool]]
) -> None:
    specs = []
    for kernel, stride, channels, pool in layers:
        words = f"kernel: {kernel}, stride: {stride}, padding: same"
        if pool:
            words = f"kernel: {kernel}, stride: {stride}, padding: {kernel // 2}"
        specs.append(f"{{maxpool: {{{words}}}}}" if pool else f"{{conv: {channels}, {words}}}")
    text = f"{{input: {list(shape)}, layers: [{', '.join(specs)}, {{dense: 10}}]}}"
    try:
        network = convcalc.loads(text)
    except ConvcalcError:
        return
    picture = made(network)
    assert faults(layout(picture)) == []
    assert len(volumes_svg(picture).encode()) <= 20 * 1024


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_data(name: str) -> None:
    builder = GraphBuilder()
    end = builder.input(name, (4, 40, 40))
    end = builder.add(Opaque(op=name, shape=(4, 20, 20), params=None), [end], path=f"{name}.odd")
    end = builder.add(ReLU(), [end], path=f"{name}.last")
    text = volumes_svg(made(builder.network(name, {"out": end})))
    root = ET.fromstring(text)  # noqa: S314 - our own text
    assert not [element for element in root.iter() if "script" in element.tag]
    assert "\x1b" not in text


def test_dark_or_as_the_reader_s_screen_is() -> None:
    picture = made(shipped("alexnet"))
    assert "prefers-color-scheme" in volumes_svg(picture)
    dark = volumes_svg(picture, dark=True)
    assert "prefers-color-scheme" not in dark
    assert ".bg{fill:#12171e}" in dark


def luminance(colour: str) -> float:
    """The relative luminance of `#rgb` or `#rrggbb`, as WCAG 2 defines it."""
    digits = colour[1:] if len(colour) > 4 else "".join([digit * 2 for digit in colour[1:]])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_everything_is_told_apart_without_colours(dark: bool) -> None:
    """Contrasts are of luminance alone, which is what remains without colours."""
    picture = made(shipped("alexnet"))
    rules = volumes_svg(picture, dark=dark).partition("@media")[0]
    found = dict(re.findall(r"([.\w, ]+)\{(?:fill|stroke):(#\w+)\}", rules))
    page = found[".bg"]
    assert contrast(found["text"], page) >= 4.5
    assert contrast(found[".h"], page) >= 4.5
    for letter in "icpdo":
        assert contrast(found[f".{letter} path"], page) >= 3
        for part in "fts":
            assert contrast(found[".w,.r"], found[f".{letter} .{part}"]) >= 3
    for letter in "cpd":
        assert contrast(found[f".{letter} .b"], found[f".{letter} .f"]) >= 2
    # What a colour says, the text below says as well.
    kinds = {
        "conv": "conv",
        "pool": "pool",
        "dense": "dense",
        "input": "input",
    }
    for block in picture.blocks:
        assert all([kinds[solid.family] in " ".join(block.lines) for solid in block.solids])
