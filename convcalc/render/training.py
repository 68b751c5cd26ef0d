"""A training step as a table and as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from convcalc.analysis.rows import TEXT_KEYS, Row
from convcalc.analysis.training import StepCost, Training, step_total
from convcalc.counts import Counts
from convcalc.render.numbers import grouped
from convcalc.render.table import Cell, Column, Table

#: The counted parts of a step, as they are called in JSON and CSV.
_PARTS = StepCost._fields[:6]
_MACS: dict[str, Callable[[StepCost], int]] = {
    "forward": lambda cost: cost.forward_macs,
    "input_gradient": lambda cost: cost.input_gradient_macs,
    "weight_gradient": lambda cost: cost.weight_gradient_macs,
}

#: Figures that rows can be sorted by, the largest first.
SORT_KEYS: dict[str, Callable[[StepCost], int]] = {
    "forward": lambda cost: cost.forward.flops,
    "backward": lambda cost: cost.backward.flops,
    "step": lambda cost: cost.step.flops,
    "total": lambda cost: cost.total.flops,
}


def row_costs(training: Training, found: Sequence[Row]) -> dict[str, StepCost]:
    """What a step costs in each row, by the row's name."""
    costs = {layer.node.path: layer.cost for layer in training.layers}
    return {
        row.name: step_total([costs[member.node.path] for member in row.members]) for row in found
    }


def sort_rows(found: Sequence[Row], costs: Mapping[str, StepCost], key: str) -> list[Row]:
    """The rows by name or kind, or with the largest of a figure first."""
    if key in TEXT_KEYS:
        return sorted(found, key=TEXT_KEYS[key])
    figure = SORT_KEYS[key]
    return sorted(found, key=lambda row: -figure(costs[row.name]))


def training_table(
    training: Training, title: str, found: Sequence[Row], costs: Mapping[str, StepCost], first: str
) -> Table:
    """Forward, backward and optimizer's step of each row; `first` is the first column's title."""
    totals = training.totals

    def cells(name: str, cost: StepCost) -> list[Cell]:
        total = cost.total.flops
        return [name, cost.forward.flops, cost.backward.flops, cost.step.flops, total, total]

    return Table(
        title,
        [
            Column(first, "name"),
            Column("forward", "number"),
            Column("backward", "number"),
            Column("step", "number"),
            Column("total", "number"),
            Column("share", "share", totals.total.flops),
        ],
        [cells(row.name, costs[row.name]) for row in found],
        [*cells("total", totals)[:-1], ""],
        _notes(training),
    )


def _notes(training: Training) -> list[str]:
    totals, optimizer = training.totals, training.optimizer
    samples = "1 sample" if training.batch == 1 else f"{grouped(training.batch)} samples"
    backward = totals.backward_macs
    weights = grouped(totals.weight_gradient_macs)
    products = 2 * (totals.forward_macs + backward)
    inputs = (
        "The gradient is carried on to the network's input (--input-gradient)."
        if training.input_gradient
        else "No gradient goes to the network's input (--input-gradient takes it there)."
    )
    return [
        f"A training step on {samples}, without the loss; each operation counts 1.",
        inputs,
        f"step: {optimizer.name}, {optimizer.update}",
        f"MACs: forward {grouped(totals.forward_macs)}, backward {grouped(backward)}:",
        f"inputs {grouped(totals.input_gradient_macs)}, weights {weights}.",
        f"2*MACs, forward and backward: {grouped(products)}.",
    ]


def training_csv(found: Sequence[Row], costs: Mapping[str, StepCost], by_kind: bool) -> Table:
    """Every part on its own, for programs; the sum of the five classes each."""
    heading = [Column("kind"), Column("layers")] if by_kind else [Column("name"), Column("kind")]
    figures = [*_PARTS, "total", *[f"{name}_macs" for name in _MACS]]
    rows: list[list[Cell]] = []
    for row in found:
        cost = costs[row.name]
        parts = [part.flops for part in cost.phases]
        macs = [macs_of(cost) for macs_of in _MACS.values()]
        rows.append([row.name, row.kind, *parts, cost.total.flops, *macs])
    return Table("", [*heading, *[Column(name, "number") for name in figures]], rows)


def training_data(training: Training) -> dict[str, Any]:
    """A training step as plain data, for the report's key "training"."""
    return {
        "batch": training.batch,
        "optimizer": training.optimizer.name,
        "input_gradient": training.input_gradient,
        "layers": [
            {"path": layer.node.path, "kind": layer.node.kind, **_cost(layer.cost)}
            for layer in training.layers
        ],
        "totals": {
            **_cost(training.totals),
            "backward": _classes(training.totals.backward),
            "total": _classes(training.totals.total),
        },
    }


def _cost(cost: StepCost) -> dict[str, Any]:
    parts = {name: _classes(part) for name, part in zip(_PARTS, cost.phases, strict=True)}
    return {**parts, "macs": {name: macs_of(cost) for name, macs_of in _MACS.items()}}


def _classes(counts: Counts) -> dict[str, int]:
    return {**counts._asdict(), "flops": counts.flops}
