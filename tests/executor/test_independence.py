"""The executor computes no shape: with the predictor's arithmetic broken it runs as before."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import convcalc
from convcalc import arithmetic
from convcalc.executor.kernels import KERNELS
from convcalc.executor.program import Program
from convcalc.executor.verify import verify
from convcalc.graph import Network, Node
from convcalc.layers import layer_class, windows
from tests.executor.values import network_of, random_inputs, random_weights, run, seeded
from tests.known_kinds import KNOWN_NODE_KINDS
from tests.oracle.random_layers import random_layer


def broken(*_: object, **__: object) -> Any:
    raise AssertionError("the executor asked the predictor for a shape")


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Breaks every function that predicts a size, wherever it was imported to."""

    def poisoned() -> None:
        formulas = {
            name: function
            for module in (arithmetic, windows)
            for name, function in inspect.getmembers(module, inspect.isfunction)
        }
        modules = {arithmetic, windows, convcalc.graph}
        for kind in KNOWN_NODE_KINDS:
            cls = layer_class(kind)
            modules.add(inspect.getmodule(cls))  # type: ignore[arg-type]
            for base in cls.__mro__:
                for method in ("output_shape", "windows", "counts"):
                    if method in vars(base):
                        monkeypatch.setattr(base, method, broken)
        for module in modules:
            for name, value in list(vars(module).items()):
                if name in formulas and value is formulas[name]:
                    monkeypatch.setattr(module, name, broken)

    return poisoned


def test_every_kind_runs_without_the_predictor(poison: Any) -> None:
    prepared = []
    for kind in KNOWN_NODE_KINDS:
        for number in range(8):
            chance, values = seeded(f"poison {kind} {number}")
            layer, shapes = random_layer(chance, kind)
            network = network_of(layer, shapes)
            inputs = random_inputs(network, 2, values)
            weights = random_weights(network, values)
            prepared.append((network, inputs, weights, run(network, inputs, weights)))
    poison()
    with pytest.raises(AssertionError, match="asked the predictor"):
        layer_class("conv").output_shape(prepared[0][0].nodes[-1].layer, [(1, 4, 4)])
    for network, inputs, weights, expected in prepared:
        (before,) = expected.values()
        (after,) = run(network, inputs, weights).values()
        np.testing.assert_array_equal(after, before)
        assert after.shape == (2, *network.nodes[-1].shape)
        # The plain kernels as well.
        own = {name.removeprefix("layer."): value for name, value in weights.items()}
        layer = network.nodes[-1].layer
        plain = KERNELS[layer.kind](layer, list(inputs.values()), own)
        assert plain.shape == after.shape


def test_a_wrong_prediction_is_seen() -> None:
    """The observed shape is the run's, not the prediction handed back."""
    for kind in KNOWN_NODE_KINDS:
        chance, values = seeded(f"wrong {kind}")
        layer, shapes = random_layer(chance, kind)
        network = network_of(layer, shapes)
        right = network.nodes[-1]
        wrong = Node(
            right.path, right.unit, layer, right.inputs, (right.shape[0] + 1, *right.shape[1:])
        )
        lied = Network("lied", [*network.nodes[:-1], wrong], network.outputs)
        inputs = {
            name: value.astype(np.float32)
            for name, value in random_inputs(network, 2, values).items()
        }
        result = verify(Program(lied), inputs)
        (difference,) = result.differences
        assert difference.observed == (2, *right.shape)
        assert difference.predicted == (2, right.shape[0] + 1, *right.shape[1:])
        assert verify(Program(network), inputs).differences == []


def test_shapes_that_do_not_fit_each_other_name_the_layer() -> None:
    """A predictor that takes different shapes for equal ones, where a sum is fused."""
    network = convcalc.loads(
        """
        input: [2, 6, 6]
        layers:
          - {conv: 2, kernel: 3, name: a}
          - {add: [[], [{conv: 2, kernel: 3, padding: 1, name: b}]]}
        """,
        name="n.yaml",
    )
    a, b = network.nodes[1], network.nodes[2]
    smaller = b.layer.replace(padding=((0, 0), (0, 0)))
    nodes = [*network.nodes[:2], Node(b.path, b.unit, smaller, (1,), a.shape, b.span)]
    lied = Network("lied", [*nodes, network.nodes[3]], network.outputs)
    inputs = {"input": np.ones((1, 2, 6, 6), np.float32)}
    with pytest.raises(convcalc.ConvcalcError) as caught:
        verify(Program(lied), inputs)
    (problem,) = caught.value.problems
    assert problem.code == "shape-differs"
    assert "b: does not run on (1, 2, 4, 4)" in problem.text
    assert (caught.value.status, problem.span) == (1, b.span)
