"""What-ifs of many variants at once are those of each variant's own network."""

from __future__ import annotations

from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pytest

import convcalc
from convcalc.explore.engine import Engine
from convcalc.explore.variables import Variable
from convcalc.language.load import spec as read_spec
from convcalc.transform.whatif import WhatIf
from tests.cli.runner import run
from tests.explore.random_specs import random_spec, random_variables
from tests.explore.test_engine import COMPILED, hold
from tests.quick import each_seed, every_network


def what_if(rng: Random) -> WhatIf:
    """Some what-ifs, one at least."""
    fields: dict[str, Any] = {
        "double_channels": True,
        "scale_channels": rng.choice([Fraction(1, 2), 3, Fraction(5, 4), Fraction(1, 3)]),
        "kernel": rng.randint(1, 5),
        "double_padding": True,
    }
    chosen = rng.sample(sorted(fields), rng.randint(1, 3))
    return WhatIf(**{name: fields[name] for name in chosen})


@pytest.mark.no_cover
@each_seed(30, 1000)
def test_random_specs(seed: int) -> None:
    rng = Random(f"what if {seed}")
    spec = read_spec("random.yaml", text=random_spec(rng))
    variables, changes = random_variables(rng), what_if(rng)
    hold(Engine(spec, variables, COMPILED, what_if=changes), 12, rng)


@pytest.mark.no_cover
@every_network
def test_shipped_networks(name: str) -> None:
    rng = Random(f"what if {name}")
    spec = read_spec(name)
    shapes = spec.shapes({})
    if min(map(len, shapes.values())) < 2:
        pytest.skip("no size varies")
    sizes = sorted({size for shape in shapes.values() for size in shape[1:]} | {64, 97, 224})
    for changes in (WhatIf(double_channels=True), what_if(rng)):
        engine = Engine(spec, [Variable("in_size", sizes)], COMPILED, what_if=changes)
        hold(engine, 3, rng)


def test_most_is_traced() -> None:
    spec = read_spec("resnet18")
    for changes in (WhatIf(double_channels=True), WhatIf(kernel=5), WhatIf(scale_channels=3)):
        engine = Engine(spec, [Variable("in_size", range(32, 225))], COMPILED, what_if=changes)
        assert engine.evaluate([np.arange(193)]).valid.all()
        assert engine.loaded == 0


class TestCommands:
    def test_sweep(self) -> None:
        result = run("sweep", "lenet_relu", "--over", "in_size=28,32", "--double-channels")
        assert result.out.splitlines()[0] == "lenet_relu with --double-channels"
        doubled = convcalc.evaluate(
            "lenet_relu", {"in_size": [28, 32]}, what_if={"double_channels": True}
        )
        assert f"{doubled['macs'][0]:,}" in result.out
        assert doubled["macs"][0] == 150 * 784 * 2 + 150000 * 4 + 60000 + 10080 + 840

    def test_solve(self) -> None:
        result = run("solve", "lenet", "--minimize", "in_size", "--kernel", "3")
        assert "in_size=12" in result.out, "the file's own network fits from 12 on"
        assert "lenet with --kernel 3: the least in_size" in result.out

    def test_formula(self) -> None:
        plain = run("formula", "convolution", "macs")
        wider = run("formula", "convolution", "macs", "--kernel", "1")
        assert wider.out.startswith("convolution with --kernel 1: macs\n")
        assert plain.out.splitlines()[2] != wider.out.splitlines()[2]

    def test_a_variant_that_breaks_says_why(self) -> None:
        result = run("sweep", "resnet18", "--over", "in_size=32,64", "--double-padding")
        assert result.status == 0
        assert "add needs equal spatial sizes" in result.out

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--kernel", "0"], "the size must be a whole number from 1"),
            (["--scale-channels", "0"], "the factor must be above 0"),
            (["--scale-channels", "many"], "--scale-channels takes a factor"),
        ],
    )
    def test_bad_numbers(self, options: list[str], message: str) -> None:
        result = run("sweep", "lenet", "--over", "in_size=28", *options)
        assert result.status == 2
        assert message in result.err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kernal": 3}, "did you mean 'kernel'"),
        ({"kernel": 3.0}, "kernel takes no 3.0"),
        ({"kernel": 0}, "the size must be a whole number from 1"),
        ({"double_channels": 1}, "double_channels takes no 1"),
        ({"scale_channels": float("nan")}, "scale_channels takes no nan"),
        ({"scale_channels": -0.5}, "the factor must be above 0"),
    ],
)
def test_bad_what_ifs_of_python(given: dict[str, object], message: str) -> None:
    with pytest.raises(convcalc.ConvcalcError) as caught:
        convcalc.evaluate("lenet", {"in_size": [28]}, what_if=given)
    (problem,) = caught.value.problems
    assert message in f"{problem.message} {problem.facts}"
