"""A formula comes to what its networks have, wherever its conditions hold."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

import convcalc
from convcalc.analysis.metrics import measure
from convcalc.explore.formula import formula
from convcalc.explore.ranges import read_variable
from convcalc.language.load import spec as read_spec
from convcalc.polynomials import Guard, Trace
from tests.explore.random_specs import VALUES, random_spec


def holds(guard: Guard, at: Trace) -> bool:
    value = at.value(guard.of)
    outcomes = {"negative": value < 0, "zero": value == 0, "value": value}
    return bool(outcomes[guard.kind] == guard.outcome)


@pytest.mark.no_cover
@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("metric", ["macs", "params", "peak_in_place"])
def test_random_specs(seed: int, metric: str) -> None:
    rng = Random(f"formula {seed}")
    text = random_spec(rng)
    spec = read_spec("net.yaml", text=text)
    names = ["wide", "thin", "in_size[0]"]
    variables = [read_variable(spec, f"{name}=1..{len(VALUES[name])}") for name in names]
    pieces = formula(spec, metric, variables)
    if any(not piece.candidates and not piece.code for piece in pieces):
        pytest.skip("there is no formula")
    for _ in range(12):
        indices = [rng.randrange(len(variable)) for variable in variables]
        values = [v.values[i] for v, i in zip(variables, indices, strict=True)]
        point = {
            unknown.name: int(unknown.column[i])
            for v, i in zip(variables, indices, strict=True)
            for unknown in v.unknowns.values()
        }
        at = Trace(point)
        found = [piece for piece in pieces if all(holds(guard, at) for guard in piece.guards)]
        if not found:
            continue  # none of the points that were looked at is like it
        expected: Any
        try:
            network = spec.network({"wide": values[0], "thin": values[1]}, [4, values[2], 16])
            expected = measure(convcalc.Analysis(network), metric)
        except convcalc.ConvcalcError:
            expected = None
        for piece in found:
            figures = [at.value(candidate) for candidate in piece.candidates]
            assert (max(figures) if figures else None) == expected, (values, piece.code)
