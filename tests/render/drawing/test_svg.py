"""The text of drawings: SVG, mermaid and dot."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import convcalc
from convcalc.graph import GraphBuilder, Network
from convcalc.layers.activation import ReLU
from convcalc.layers.joins import Add
from convcalc.layers.opaque import Opaque
from convcalc.render.drawing.costs import LAYER_METRICS
from convcalc.render.drawing.drawing import draw
from convcalc.render.drawing.graph_text import dot_text, mermaid_text
from convcalc.render.drawing.svg import svg_text
from convcalc.render.drawing.volumes import volumes
from convcalc.render.drawing.volumes_svg import volumes_svg
from tests.quick import every_network
from tests.render.drawing.pictures import UNLIMITED, pictured
from tests.shipped import shipped

GOLDEN = Path(__file__).parent / "golden"
HOSTILE = ('</text><script>alert("1")</script>', "a]]>&b;\"'\\", "x\ny\x1b[31m", "%%{init}%%")


def golden_texts() -> dict[str, str]:
    """The texts that are compared with files, by the files' names."""
    opened = pictured(shipped("resnet18"), open_paths=["stage0", "stage1.basic_block0"])
    lenet = convcalc.analyze(shipped("lenet"))
    return {
        "lenet.svg": svg_text(draw(pictured(shipped("lenet")))),
        "resnet18_open.svg": svg_text(draw(opened, broken=True), dark=True),
        "squeezenet1_0.mmd": mermaid_text(pictured(shipped("squeezenet1_0"), nodes=UNLIMITED)),
        "resnet18_open.dot": dot_text(opened),
        "lenet_volumes.svg": volumes_svg(volumes(shipped("lenet"), lenet.units)),
    }


@pytest.mark.parametrize("name", golden_texts())
def test_golden_texts(name: str) -> None:
    assert golden_texts()[name] == (GOLDEN / name).read_text(encoding="utf-8")


@pytest.mark.no_cover
@every_network
def test_svg_is_small_xml_without_any_request(name: str) -> None:
    folded = svg_text(draw(pictured(shipped(name))))
    whole = svg_text(draw(pictured(shipped(name), nodes=UNLIMITED)))
    assert len(folded.encode()) <= 40 * 1024
    assert len(whole.encode()) <= max(100 * 1024, 1024 * whole.count("<title>"))
    for text in (folded, whole):
        root = ET.fromstring(text)  # noqa: S314 - our own text
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert re.findall(r"\w+://[^\"]*", text) == ["http://www.w3.org/2000/svg"]
        tags = {element.tag.partition("}")[2] for element in root.iter()}
        assert not tags & {"script", "foreignObject", "image", "use", "marker", "a"}


def hostile() -> Network:
    """A network whose every name is an attack."""
    builder = GraphBuilder()
    end = builder.input(HOSTILE[0], (4, 4))
    for number, name in enumerate(HOSTILE):
        first = builder.add(ReLU(), [end], path=f"{name}.{name}{number}.first")
        second = builder.add(ReLU(), [first], path=f"{name}.{name}{number}.second")
        end = builder.add(Add(), [second, end], path=f"{name}.sum")
    return builder.network(HOSTILE[0], {HOSTILE[1]: end})


@pytest.mark.parametrize("nodes", [1, UNLIMITED])
def test_names_are_data(nodes: int) -> None:
    made = pictured(hostile(), nodes=nodes)
    svg = svg_text(draw(made))
    root = ET.fromstring(svg)  # noqa: S314 - our own text
    assert not [element for element in root.iter() if "script" in element.tag]
    shown = [element.text or "" for element in root.iter() if element.tag.endswith("text")]
    assert any(["<script>" in text for text in shown])  # as text
    mermaid = mermaid_text(made)
    assert not re.search(r"[<>](?!/|br/>)|<(?!br/>)", re.sub(r"-->|<br/>", "", mermaid))
    assert "%%{" not in mermaid
    assert "\x1b" not in svg + mermaid
    dot = dot_text(made)
    quoted = re.sub(r'"(?:[^"\\\n]|\\.)*"', "", dot)
    assert '"' not in quoted
    assert "script" not in quoted.replace("//", "")[len("digraph") :].split("\n", 2)[2]


def with_an_unknown_layer() -> Network:
    builder = GraphBuilder()
    start = builder.input("input", (4, 4))
    odd = builder.add(Opaque(op="Odd", shape=(4, 4), params=None), [start], path="odd")
    return builder.network("net", {"out": builder.add(ReLU(), [odd])})


def test_unknown_costs_are_no_share() -> None:
    made = pictured(with_an_unknown_layer())
    assert [cell.share for cell in made.cells] == ["", "?", ""]
    text = svg_text(draw(made))
    assert "at least 0 MACs" in text
    assert "MACs: unknown" in text
    assert 'class="r k0 u"' in text  # dashed


@pytest.mark.parametrize("metric", LAYER_METRICS)
def test_only_what_follows_from_the_shape_is_known(metric: str) -> None:
    made = pictured(with_an_unknown_layer(), cost=metric)
    known = metric in {"activations", "live", "live_in_place"}
    assert (made.cells[1].share == "?") == (not known)


def test_the_same_bytes_each_time() -> None:
    made = [svg_text(draw(pictured(convcalc.load("googlenet"), nodes=40))) for _ in range(2)]
    assert made[0] == made[1]
