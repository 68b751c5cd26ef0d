"""An encoder and its decoder are drawn as a U."""

from __future__ import annotations

import pytest

from convcalc.render.drawing.drawing import Drawing, Edge, draw
from tests.render.drawing.pictures import UNLIMITED, pictured
from tests.shipped import shipped


def skips(drawing: Drawing) -> list[Edge]:
    """The lines that reach a node far behind their own."""
    return [edge for edge in drawing.edges if edge.points[0][1] == edge.points[-1][1]]


@pytest.mark.parametrize(("name", "count"), [("unet", 4), ("attention_unet", 4), ("unet3d", 3)])
def test_skips_are_level_and_the_decoder_goes_up(name: str, count: int) -> None:
    drawing = draw(pictured(shipped(name), nodes=1))
    level = skips(drawing)
    assert len(level) == count
    boxes = {cell.order: box for cell, box in drawing.cells}
    # Nested: the earlier a value is made, the later it is read.
    pairs = sorted([(edge.source.order, edge.target.order) for edge in level])
    targets = [target for _, target in pairs]
    assert targets == sorted(targets, reverse=True)
    last = boxes[len(boxes) - 1]
    assert all([last.y <= box.y for box in boxes.values()])


@pytest.mark.parametrize("name", ["resnet50", "yolov8n", "wavenet", "densenet121"])
def test_other_networks_go_down(name: str) -> None:
    drawing = draw(pictured(shipped(name)))
    boxes = [box for _, box in drawing.cells]
    assert boxes[0].y == min([box.y for box in boxes])
    assert not skips(drawing)


def test_open_groups_of_the_decoder_keep_their_titles_free() -> None:
    drawing = draw(pictured(shipped("unet"), nodes=UNLIMITED))
    assert {frame.title for frame, _ in drawing.frames} >= {"encoder1", "decoder1"}
    for frame, frame_box in drawing.frames:
        inner = [box for cell, box in drawing.cells if frame.start <= cell.start < frame.stop]
        assert all([box.y >= frame_box.y + 24 for box in inner])
