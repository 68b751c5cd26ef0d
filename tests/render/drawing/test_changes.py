"""Drawings of a difference: what is kept, added, removed and changed, and what it costs."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

import convcalc
from convcalc.checks.diff.diff import compare
from convcalc.graph import Network
from convcalc.render.drawing.changes import CHANGE_METRICS, Changed
from convcalc.render.drawing.drawing import draw
from convcalc.render.drawing.graph_text import dot_text, mermaid_text
from convcalc.render.drawing.picture import Cell, Column, Fan, Frame, Picture, change_picture
from convcalc.render.drawing.svg import svg_text
from tests.quick import each_seed
from tests.render.drawing.faults import faults
from tests.render.drawing.pictures import UNLIMITED
from tests.render.drawing.random_networks import random_network
from tests.render.drawing.test_svg import hostile
from tests.shipped import shipped

PAIRS = [
    ("resnet18", "resnet34"),
    ("resnet34", "resnet18"),
    ("resnet50", "resnext50_32x4d"),
    ("vgg16", "resnet18"),
    ("mobilenet_v2", "mobilenet_v3_large"),
    ("resnet50", "detr_resnet50"),
    ("unet", "attention_unet"),
    ("googlenet", "inception_v3"),
    ("yolov8n", "yolov8s"),
    ("vit_b_16", "swin_t"),
    ("ssd300_vgg16", "vgg16"),
    ("wavenet", "tcn"),
]


def changed(old: Network, new: Network, metric: str = "macs") -> Changed:
    diff = compare(convcalc.analyze(old), convcalc.analyze(new))
    return Changed(diff, (old.name, new.name), metric)


def loaded(layers: str) -> Network:
    return convcalc.loads(f"{{input: [3, 16, 16], layers: [{layers}]}}")


def cells(made: Picture) -> dict[str, Cell]:
    return {cell.block.name.rstrip("\u2060"): cell for cell in made.cells}


@pytest.mark.no_cover
@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_nothing_lies_on_anything_else(old: str, new: str) -> None:
    found = changed(shipped(old), shipped(new))
    for nodes in (24, UNLIMITED):
        for broken in (False, True):
            drawing = draw(change_picture(found, nodes=nodes), broken=broken)
            assert faults(drawing) == []


@pytest.mark.no_cover
@each_seed(30, 500)
def test_any_two_networks(seed: int) -> None:
    found = changed(random_network(seed), random_network(seed + 1))
    for nodes in (24, UNLIMITED):
        assert faults(draw(change_picture(found, nodes=nodes))) == []


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_figures_add_up_to_the_difference_of_the_totals(old: str, new: str) -> None:
    before, after = [convcalc.analyze(shipped(name)).totals for name in (old, new)]
    for metric in ("macs", "params"):
        found = changed(shipped(old), shipped(new), metric)
        made = change_picture(found)
        values = [found.costs.of(cell.start, cell.stop) for cell in made.cells]
        difference = getattr(after, metric) - getattr(before, metric)
        # A run that is open shows one of its copies.
        closed = change_picture(found, depth=0)
        values = [found.costs.of(cell.start, cell.stop) for cell in closed.cells]
        assert sum(values) == found.costs.whole == difference


def test_marks_and_words() -> None:
    old = loaded(
        "{conv: 8, kernel: 3, name: first}, {maxpool: 2, name: pool},"
        " {conv: 16, kernel: 3, name: second}, {dense: 4, name: head}"
    )
    new = loaded(
        "{conv: 8, kernel: 3, name: first}, {conv: 16, kernel: 3, groups: 2, name: second},"
        " {avgpool: 2, name: late}, {dense: 4, name: head}"
    )
    found = cells(change_picture(changed(old, new)))
    assert {name: cell.mark for name, cell in found.items()} == {
        "input": "", "first": "", "pool": "removed", "second": "changed", "late": "added",
        "head": "",
    }  # fmt: skip
    assert found["second"].second == "second: groups 1 \u2192 2"
    assert found["late"].second == "added, late"
    assert found["pool"].second == "removed, pool"
    # The dense layer did not change, and costs more because of what did.
    assert found["head"].second == "head"
    assert found["head"].share.startswith("+")


def test_what_is_removed_stands_beside_what_is_kept() -> None:
    made = change_picture(changed(shipped("resnet34"), shipped("resnet18")))
    frame = next(item for item in made.top.items if isinstance(item, Frame))
    assert [item.mark for item in frame.body.items if isinstance(item, Cell | Frame)] == [
        "", "removed",
    ]  # fmt: skip
    drawing = draw(made)
    boxes = {cell.order: box for cell, box in drawing.cells}
    lines = [x for edge in drawing.edges if not edge.source.mark for x, _ in edge.points]
    for cell, box in drawing.cells:
        if cell.mark == "removed":
            assert box.x + box.width < max(lines)
            assert all([boxes[other.order].y != box.y for other in made.cells if not other.mark])


def test_what_did_not_change_stays_folded() -> None:
    made = change_picture(changed(shipped("resnet50"), shipped("resnext50_32x4d")), nodes=UNLIMITED)
    assert not any([cell.second.startswith("unchanged") for cell in made.cells])
    old, new = shipped("resnet50"), shipped("resnet50")
    same = change_picture(changed(old, new), nodes=UNLIMITED)
    assert len(same.cells) == 9
    assert not any([cell.mark or cell.share for cell in same.cells])


def test_an_added_group_is_told_in_its_group() -> None:
    made = change_picture(changed(shipped("resnet18"), shipped("resnet34")), depth=0)
    found = cells(made)
    assert found["stage1"].second == "6 of 13 layers added"
    assert found["stage1"].share == "+462M"
    assert made.change is not None
    assert made.change.about == (
        "params 11.7M \u2192 21.8M (+86.5%) \u00b7 MACs 1.81G \u2192 3.66G (+102.0%)"
    )


def _items(column: Column) -> list[Cell | Frame]:
    found: list[Cell | Frame] = []
    for item in column.items:
        if isinstance(item, Frame):
            found += [item, *_items(item.body)]
        elif isinstance(item, Fan):
            for arm in item.branches:
                found += _items(arm.column) if arm.column is not None else []
            found.append(item.cell)
        elif isinstance(item, Cell):
            found.append(item)
    return found


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_every_mark_is_an_outline(old: str, new: str) -> None:
    made = change_picture(changed(shipped(old), shipped(new)))
    text = svg_text(draw(made))
    ET.fromstring(text)  # noqa: S314 - our own text
    for mark, letter in (("added", "A"), ("removed", "R"), ("changed", "V")):
        marked = [item for item in _items(made.top) if item.mark == mark]
        copies = {Cell: 3, Frame: 2}
        drawn = sum([copies[type(one)] if one.times > 1 else 1 for one in marked])
        assert len(re.findall(f'<rect [^>]*class="[^"]* {letter}"', text)) == drawn
    mermaid = mermaid_text(made)
    nodes = [item for item in _items(made.top) if isinstance(item, Cell) and item.mark]
    assert len(re.findall(":::(added|removed|changed)", mermaid)) == len(nodes)
    assert dot_text(made).count("{") == dot_text(made).count("}")


@pytest.mark.parametrize("metric", CHANGE_METRICS)
def test_every_metric(metric: str) -> None:
    made = change_picture(changed(shipped("lenet"), shipped("alexnet"), metric))
    assert svg_text(draw(made))


def test_names_are_data() -> None:
    made = change_picture(changed(shipped("lenet"), hostile()), nodes=UNLIMITED)
    root = ET.fromstring(svg_text(draw(made)))  # noqa: S314 - our own text
    assert not [element for element in root.iter() if "script" in element.tag]
    mermaid = mermaid_text(made)
    assert not re.search(r"[<>](?!/|br/>)|<(?!br/>)", re.sub(r"-->|-\.->|<br/>", "", mermaid))
    assert "%%{" not in mermaid
