"""Two ways to the figures of a variant agree: formulas, and segments that are remembered."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest

from convcalc.explore.engine import Engine
from convcalc.explore.ranges import read_variable
from convcalc.language.load import spec as read_spec
from tests.explore.remembered import PEAKS, SUMS, Remembered

REPOSITORY = Path(__file__).parents[2]
SPACES = {
    "mobilenet_v2": ("width=0.1..2:0.005", "in_size=1..512"),
    "resnet50": (
        *("depths[0]=1..4", "depths[1]=1..6", "depths[2]=1..8", "depths[3]=1..4"),
        *("group_width=32..128:32", "in_size=1..320"),
    ),
    "efficientnet_b0": ("width=1..2:0.05", "depth=1..3.2:0.1", "resolution=1..640"),
    "squeezenet1_0": ("in_size[0]=1..300", "in_size[1]=1..300"),
    str(REPOSITORY / "benchmarks" / "space_of_networks.yaml"): (
        *("width=0.25..1.5:0.05", "resolution=1..256"),
        *[f"{name}[{i}]={v}" for i in range(5) for name, v in [("kernels", "3,5,7")]],
        *[f"{name}[{i}]={v}" for i in range(5) for name, v in [("grow", "1,3,4,6")]],
        *[f"{name}[{i}]={v}" for i in range(5) for name, v in [("depths", "1..4")]],
    ),
}


@pytest.mark.no_cover
@pytest.mark.parametrize("name", SPACES, ids=[Path(name).stem for name in SPACES])
@pytest.mark.parametrize("count", [150, pytest.param(20_000, marks=pytest.mark.long)])
def test_spaces(name: str, count: int) -> None:
    rng = Random(name)
    spec = read_spec(name)
    variables = [read_variable(spec, text) for text in SPACES[name]]
    points = [[rng.randrange(len(variable)) for _ in range(count)] for variable in variables]
    engine = Engine(spec, variables, [*SUMS, *PEAKS])
    found = engine.evaluate([np.array(column) for column in points])
    remembered = Remembered(spec, variables)
    for place, indices in enumerate(zip(*points, strict=True)):
        expected = remembered.figures(indices)
        if isinstance(expected, str):
            assert (found.valid[place], found.codes[place]) == (False, expected), indices
        else:
            figures = {metric: int(column[place]) for metric, column in found.figures.items()}
            assert (found.valid[place], figures) == (True, expected), indices
    assert engine.loaded == 0, "every figure is that of a formula"
