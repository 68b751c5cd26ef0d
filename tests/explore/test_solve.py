"""The best point of a space is that of looking at each of its networks."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

import convcalc
from convcalc.analysis.metrics import measure
from convcalc.explore.solve import Objective, solve
from convcalc.explore.sweep import Explorer
from convcalc.language.load import spec as read_spec
from tests.explore.random_specs import random_spec
from tests.explore.test_sweep import explorer

METRICS = ("params", "macs", "peak_memory", "weights")


def brute(asked: Explorer, metrics: tuple[str, ...]) -> list[dict[str, Any] | None]:
    """The figures of each point's own network; None where it is none."""
    spec = read_spec("net.yaml", text=asked.question.text)
    found: list[dict[str, Any] | None] = []
    for start in range(asked.domain.count):
        indices = [int(column[0]) for column in asked.domain.indices(start, start + 1)]
        values = asked.values(indices)
        size = values.pop("in_size", None)
        try:
            network = spec.network(values, None if size is None else [4, size, size])
        except convcalc.ConvcalcError:
            found.append(None)
            continue
        analysis = convcalc.Analysis(network)
        found.append({name: measure(analysis, name) for name in metrics})
    return found


@pytest.mark.no_cover
@pytest.mark.parametrize("seed", range(8))
def test_random_spaces(seed: int) -> None:
    rng = Random(f"solve {seed}")
    over = ["wide=1..6", "in_size=4..24:5", "times=0..2", "step=1,2"]
    goal, limited = rng.sample(METRICS, 2)
    largest = rng.random() < 0.5
    text = random_spec(rng)
    free = explorer(over, text, metrics=METRICS)
    figures = brute(free, METRICS)
    valid = sorted([one[limited] for one in figures if one is not None]) or [1]
    value = valid[len(valid) // 2]
    unit = "B" if limited in ("peak_memory", "weights") else ""
    asked = explorer(over, text, [f"{limited}<={value}{unit}"], metrics=METRICS)
    solution = solve(asked, Objective(goal, largest))
    kept = [one for one in figures if one is not None and one[limited] <= value]
    counts = solution.counts
    assert counts.points == len(figures) == counts.invalid + sum(counts.broken) + counts.kept
    assert counts.invalid == figures.count(None)
    assert (counts.kept, solution.unneeded) == (len(kept), 0)
    if not kept:
        assert solution.best is None
        return
    ranked = sorted([one[goal] for one in kept], reverse=largest)
    assert solution.best is not None
    assert solution.best.figures[goal] == ranked[0]
    assert solution.equal == ranked.count(ranked[0]) - 1
    assert solution.best.figures in kept
    if len(kept) > 1:
        assert solution.runner_up is not None
        assert solution.runner_up.figures[goal] == ranked[1]


@pytest.mark.parametrize("largest", [True, False])
def test_limits_on_slow_metrics_are_tried_from_the_best_on(largest: bool) -> None:
    text = (
        "{input: [4, 16, 16], args: {wide: 4, thin: 1}, layers: ["
        "{conv: wide, kernel: 3}, {conv: 2*thin, kernel: 3},"
        " {concat: [[], [{conv: 3, kernel: 1}]]}]}"
    )
    over = ["wide=1..6", "thin=1..6"]
    metrics = ("macs", "arena", "peak_least")
    figures = [one for one in brute(explorer(over, text), metrics) if one is not None]
    value = sorted([one["arena"] for one in figures])[20]
    asked = explorer(over, text, [f"arena<={value}B"], metrics=("macs",))
    solution = solve(asked, Objective("macs", largest))
    kept = [one["macs"] for one in figures if one["arena"] <= value]
    ranked = sorted(kept, reverse=largest)
    assert solution.best is not None
    assert solution.runner_up is not None
    assert [solution.best.figures["macs"], solution.runner_up.figures["macs"]] == ranked[:2]
    counts = solution.counts
    assert counts.points == 36 == counts.invalid + sum(counts.broken) + counts.kept
    assert solution.kept == 2
    # The objective may be slow itself.
    least = solve(explorer(over, text, metrics=("macs",)), Objective("macs", largest))
    assert least.kept == 36
    slow = solve(explorer(over, text, metrics=("peak_least",)), Objective("peak_least", largest))
    assert slow.best is not None
    choose = max if largest else min
    assert slow.best.figures["peak_least"] == choose([one["peak_least"] for one in figures])


def test_what_varies_may_be_the_objective() -> None:
    asked = explorer(["w=3,1,2", "in_size=4..20"], limits=["macs>=5k"])
    solution = solve(asked, Objective("in_size", largest=False))
    assert solution.best is not None
    assert solution.best.values["in_size"] < 20
    asked = explorer(["w=3,1,2"])
    assert solve(asked, Objective("w", largest=True)).best.values == {"w": 3}  # type: ignore[union-attr]


def test_processes_answer_the_same() -> None:
    over = ["w=1..40", "in_size=4..60"]
    asked = explorer(over, limits=["macs<=2M"])
    assert solve(asked, Objective("macs", True), jobs=2) == solve(asked, Objective("macs", True))
