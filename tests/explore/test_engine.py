"""The engine's figures are those of networks that are read and analysed one by one."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
import pytest

import convcalc
from convcalc.explore.engine import Engine
from convcalc.explore.figures import LARGEST, SUMMED
from convcalc.explore.variables import Variable
from convcalc.language.load import spec as read_spec
from convcalc.layers.structure import Crop
from convcalc.shapes import Shape
from tests.explore.random_specs import random_spec, random_variables
from tests.quick import each_seed, every_network

COMPILED = [*SUMMED, *LARGEST]


def hold(engine: Engine, count: int, rng: Random) -> int:
    """Holds random points against their own networks; how many of them are networks."""
    points = [[rng.randrange(len(variable)) for _ in range(count)] for variable in engine.variables]
    found = engine.evaluate([np.array(column) for column in points])
    for place in range(count):
        indices = [column[place] for column in points]
        shown = [v.values[i] for v, i in zip(engine.variables, indices, strict=True)]
        expected = alone(engine, indices)
        if isinstance(expected, set):
            assert not found.valid[place], f"{shown} is no network"
            assert found.codes[place] in expected, shown
        else:
            figures = {name: int(column[place]) for name, column in found.figures.items()}
            assert (found.valid[place], figures) == (True, expected), shown
    return int(found.valid.sum())


def alone(engine: Engine, indices: Sequence[int]) -> dict[str, int] | set[str]:
    """The figures of a point's own network, or the codes of all that is wrong with it."""
    try:
        return engine.measured(indices, engine.metrics)
    except convcalc.ConvcalcError as error:
        return {problem.code for problem in error.problems}


def engine_of(spec: str, variables: Sequence[Variable], **options: Any) -> Engine:
    return Engine(read_spec("random.yaml", text=spec), variables, COMPILED, **options)


@pytest.mark.no_cover
@each_seed(40, 2500)
def test_random_specs(seed: int) -> None:
    """50,000 comparisons in the long run."""
    rng = Random(f"explore {seed}")
    hold(engine_of(random_spec(rng), random_variables(rng)), 20, rng)


def test_random_specs_are_networks_often_enough() -> None:
    rng = Random("often")
    engines = [engine_of(random_spec(rng), random_variables(rng)) for _ in range(20)]
    valid = loaded = 0
    for engine in engines:
        valid += hold(engine, 10, rng)
        loaded += engine.loaded
    assert valid > 20
    assert loaded < 20, "most is traced"


@pytest.mark.no_cover
@every_network
def test_shipped_networks(name: str) -> None:
    """The sizes of the input, and every argument that is a number, vary."""
    spec = read_spec(name)
    shapes = spec.network().inputs
    variables = []
    if min(map(len, shapes.values())) > 1:
        sizes = {size for shape in shapes.values() for size in shape[1:]}
        variables.append(Variable("in_size", [*range(1, 40), *sorted(sizes | {97, 320}), 641]))
    for argument, value in spec.args.items():
        if isinstance(value, int) and not isinstance(value, bool):
            near = {value, value + 1, max(value // 2, 1), 2 * value}
            variables.append(Variable(argument, sorted(near)))
    if not variables:
        pytest.skip("nothing varies")
    engine = Engine(spec, variables, COMPILED)
    hold(engine, 6, Random(name))
    assert engine.loaded < 6, "it is traced"


class TestNumbers:
    def test_beyond_64_bits(self) -> None:
        spec = "{input: [c, 100000, 100000], args: {c: 1}, layers: [{conv: 100000, kernel: 3}]}"
        engine = engine_of(spec, [Variable("c", [1, 100_000, 2_000_000_000])])
        found = engine.evaluate([np.array([0, 1, 2])])
        assert found.valid.all()
        assert found.figures["macs"][2] == 99_998**2 * 100_000 * 9 * 2_000_000_000
        assert hold(engine, 4, Random(0)) == 4

    def test_fractions(self) -> None:
        spec = "{input: [3, 9, 9], args: {w: 1}, layers: [{conv: 'divisible(32*w, 8)', kernel: 1}]}"
        values = [read_spec("x.yaml", text=spec).number(f"{i}/20") for i in range(1, 41)]
        assert hold(engine_of(spec, [Variable("w", values)]), 40, Random(0)) == 40

    def test_a_number_that_is_whole_for_some_values_only(self) -> None:
        spec = "{input: [3, 9, 9], args: {w: 1}, layers: [{conv: 8*w, kernel: 1}]}"
        values = [read_spec("x.yaml", text=spec).number(f"{i}/20") for i in range(1, 41)]
        engine = engine_of(spec, [Variable("w", values)])
        found = engine.evaluate([np.arange(40)])
        whole = [8 * i % 20 == 0 for i in range(1, 41)]
        assert list(found.valid) == whole
        assert set(found.codes) == {"", "bad-value"}


class TestWhatIsNoNumber:
    SPEC = (
        "{input: [3, 9, 9], args: {act: relu, deep: [2, 2], bias: true},"
        " layers: [{conv: 8, kernel: 1, bias: bias, activation: act},"
        " {conv: 'deep[0]', kernel: 3}, {conv: 'deep[1]', kernel: 3}]}"
    )

    def test_words_and_flags(self) -> None:
        variables = [Variable("act", ["relu", "silu", "none"]), Variable("bias", [True, False])]
        engine = engine_of(self.SPEC, variables)
        assert hold(engine, 12, Random(1)) == 12

    def test_lists(self) -> None:
        engine = engine_of(self.SPEC, [Variable("deep", [[2, 2], [3, 4], [8, 16]])])
        assert hold(engine, 6, Random(1)) == 6
        assert engine.paths < 8, "their numbers are unknowns"


class TestSegments:
    """What crosses the layers of the top is read together."""

    @pytest.mark.parametrize(
        "layers",
        [
            "[{conv: 4, kernel: 1, name: a}, relu, {add: [[], a]}, {conv: n, kernel: 1}]",
            "[{conv: 4, kernel: 1}, relu, {add: [[], conv0]}, {conv: n, kernel: 1}]",
            "[{conv: n, kernel: 1}, {conv: 4, kernel: 1}, {conv: 4, kernel: 1, from: conv0}]",
            "[{conv: 3, kernel: 1}, relu, {add: [[], input]}, {conv: n, kernel: 1}]",
            "[{conv: n, kernel: 1, repeat: 2, name: c}, {add: ['c*']}]",
            "[{conv: 8, kernel: 1}, {conv: 8, kernel: 1, share: conv0}, {conv: n, kernel: 1}]"[:-1]
            + ", {conv: n, kernel: 1}]",
            "[{maxpool: 2, name: p}, {conv: 3, kernel: 1}, {unpool: p}, {conv: n, kernel: 1}]",
            "[{conv: n, kernel: 1}, {conv: 'channels_of(conv0)', kernel: 1}]",
            "[flatten, {dense: n}]",
            "[{identity: , name: same}, {conv: n, kernel: 1}]",
            "[{conv: n, kernel: 1, when: n > 3}, {maxpool: 2, when: n < 2}]",
        ],
    )
    def test_names(self, layers: str) -> None:
        spec = f"{{input: [3, 8, 8], args: {{n: 1}}, layers: {layers}}}"
        engine = engine_of(spec, [Variable("n", list(range(1, 9))), Variable("in_size", [8, 9, 4])])
        hold(engine, 20, Random(layers))

    def test_several_outputs(self) -> None:
        spec = (
            "{input: [3, 8, 8], args: {n: 1}, outputs: [a, b], layers: ["
            "{conv: n, kernel: 1, name: a}, relu, {conv: 2*n, kernel: 3, name: b}]}"
        )
        engine = engine_of(spec, [Variable("n", list(range(1, 9)))])
        assert hold(engine, 8, Random(0)) == 8

    def test_several_inputs(self) -> None:
        spec = (
            "{input: {left: [3, 8, 8], right: [3, 8, 8]}, args: {n: 1}, layers: ["
            "{conv: n, kernel: 1, from: left, name: l}, {conv: n, kernel: 1, from: right, name: r},"
            " {add: [l, r]}]}"
        )
        sizes = list(range(1, 9))
        variables = [
            Variable("n", sizes),
            Variable("left.in_size", sizes),
            Variable("in_size", [8]),
        ]
        hold(engine_of(spec, variables[:2]), 30, Random(0))
        assert (
            hold(engine_of(spec, [variables[0], Variable("in_size", sizes)]), 30, Random(0)) == 30
        )


class TestLimits:
    def test_layers_and_steps_of_the_whole_network(self) -> None:
        layers = ", ".join(["{conv: 4, kernel: 1, repeat: n}"] * 4)
        spec = f"{{input: [3, 8, 8], args: {{n: 1}}, layers: [{layers}]}}"
        engine = engine_of(spec, [Variable("n", list(range(1, 9)))], max_layers=20)
        found = engine.evaluate([np.arange(8)])
        assert [*found.codes] == [""] * 4 + ["too-many-layers"] * 4

    def test_what_a_rule_cannot_do_with_unknowns_is_read_one_by_one(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def squared(layer: Crop, inputs: Sequence[Shape]) -> Shape:
            ((channels, height, width),) = inputs
            return channels, pow(height, 2, 7) + 1, len(bin(width))

        monkeypatch.setattr(Crop, "output_shape", squared)
        engine = engine_of(
            "{input: [3, 8, 8], layers: [{crop: 1}, {conv: 4, kernel: 2}]}",
            [Variable("in_size", list(range(1, 20)))],
        )
        assert hold(engine, 30, Random(0)) > 10
        assert engine.loaded

    def test_expressions_that_explode_are_read_one_by_one(self) -> None:
        product = "*".join([f"(a{i} + {i} + a{i}*a{i})" for i in range(9)])
        args = ", ".join([f"a{i}: 1" for i in range(9)])
        spec = (
            f"{{input: [3, 8, 8], args: {{{args}}},"
            f" layers: [{{conv: '({product}) % 64 + 1', kernel: 1}}]}}"
        )
        engine = engine_of(spec, [Variable(f"a{i}", [1, 2, 3]) for i in range(9)])
        assert hold(engine, 5, Random(0)) == 5
        assert engine.loaded
