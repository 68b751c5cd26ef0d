"""What every drawing promises: each line is drawn, and nothing lies on anything else."""

from __future__ import annotations

from pathlib import Path

import pytest

import convcalc
from convcalc.problems import ConvcalcError
from tests.quick import each_seed, every_network
from tests.render.drawing.faults import crossings, faults
from tests.render.drawing.pictures import drawings
from tests.render.drawing.random_networks import random_network
from tests.shipped import shipped

#: Networks whose lines must cross, or do: the crossings of their drawings in the order of
#: `drawings`. Two joins after each other that read the same values of a backbone cannot be drawn
#: without; all cross at right angles.
CROSSINGS: dict[str, tuple[int, ...]] = {
    "detr_resnet50": (0, 0, 2, 0, 2),
    "res2net50": (0, 0, 24, 0, 24),
    "retinanet_resnet50_fpn": (19, 19, 20, 19, 20),
    "ssd300_vgg16": (20, 20, 20, 20, 20),
    "wavenet": (0, 0, 58, 0, 58),
    "yolo11n": (9, 9, 11, 9, 11),
    "yolov8l": (9, 9, 9, 9, 9),
    "yolov8m": (9, 9, 9, 9, 9),
    "yolov8n": (9, 9, 9, 9, 9),
    "yolov8s": (9, 9, 9, 9, 9),
    "yolov8x": (9, 9, 9, 9, 9),
}


@pytest.mark.no_cover
@every_network
def test_shipped_networks(name: str) -> None:
    made = drawings(shipped(name))
    assert [fault for drawing in made.values() for fault in faults(drawing)] == []
    found = tuple([crossings(drawing) for drawing in made.values()])
    assert found == CROSSINGS.get(name, (0,) * len(found))


#: Model files, every twelfth of which the quick run draws.
MODELS = sorted((Path(__file__).parents[2] / "data" / "onnx").rglob("*.onnx.gz"))


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=[pytest.mark.long] if number % 12 else [], id=path.name)
        for number, path in enumerate(MODELS)
    ],
)
def test_model_files(path: Path) -> None:
    try:
        network = convcalc.load(str(path))
    except ConvcalcError as error:
        pytest.skip(f"it cannot be read as it is: {error.problems[0].code}")
    found = [fault for drawing in drawings(network).values() for fault in faults(drawing)]
    assert found == []


@pytest.mark.no_cover
@each_seed(40, 2000)
def test_any_network(seed: int) -> None:
    made = drawings(random_network(seed))
    assert [fault for drawing in made.values() for fault in faults(drawing)] == []
