"""A training step as a table and as data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from convcalc.analysis.costs.cost import Cost
from convcalc.analysis.costs.report import Report, unknown_operations
from convcalc.analysis.costs.rows import Row
from convcalc.analysis.memory.training import TrainingMemory
from convcalc.analysis.training.step import StepCost, Training, step_total
from convcalc.quantities import short_bytes
from convcalc.render.numbers import grouped
from convcalc.render.report import (
    UNKNOWN,
    at_least,
    csv_columns,
    headline,
    incomplete_notes,
    name_column,
    report_heading,
    share_column,
    totals_label,
    unknown_notes,
)
from convcalc.render.table import Cell, Column, Part, Table, spaced

#: The counted phases of a step, by their names in JSON and CSV.
_PARTS = StepCost._fields[:6]
_MACS: dict[str, Callable[[StepCost], int]] = {
    "forward": lambda cost: cost.forward_macs,
    "input_gradient": lambda cost: cost.input_gradient_macs,
    "weight_gradient": lambda cost: cost.weight_gradient_macs,
}

#: Sort keys of rows, largest first.
_FIGURES: dict[str, Callable[[StepCost], int]] = {
    "forward": lambda cost: cost.forward.flops,
    "backward": lambda cost: cost.backward.flops,
    "step": lambda cost: cost.step.flops,
    "total": lambda cost: cost.total.flops,
}


def row_figures(training: Training) -> dict[str, Callable[[Row], int]]:
    """The sort keys of rows, largest first."""
    cost_of = _cost_of(training)

    def of(figure: Callable[[StepCost], int]) -> Callable[[Row], int]:
        return lambda row: figure(cost_of(row))

    return {name: of(figure) for name, figure in _FIGURES.items()}


def _cost_of(training: Training) -> Callable[[Row], StepCost]:
    """Returns the function that gives the cost of a step in a row."""
    costs = {layer.node.path: layer.cost for layer in training.layers}
    return lambda row: step_total([costs[member.node.path] for member in row.members])


def training_table(
    training: Training, title: str, rows: Sequence[Row], *, by_kind: bool = False
) -> Table:
    """Forward, backward and optimizer's step of each row, and the step's totals."""
    cost_of = _cost_of(training)
    totals = training.totals

    def cells(name: str, cost: StepCost) -> list[Cell]:
        total = cost.total.flops
        return [name, cost.forward.flops, cost.backward.flops, cost.step.flops, total, total]

    def row_cells(row: Row) -> list[Cell]:
        cost = cost_of(row)
        return [row.name, *[UNKNOWN] * 5] if cost.unknown else cells(row.name, cost)

    return Table(
        title,
        [
            name_column(by_kind),
            Column("forward", "number"),
            Column("backward", "number"),
            Column("step", "number"),
            Column("total", "number"),
            share_column(totals.total.flops, training.complete),
        ],
        [row_cells(row) for row in rows],
        [*cells(totals_label(training.complete), totals)[:-1], ""],
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
    macs = f"forward {grouped(totals.forward_macs)}, backward {grouped(backward)}"
    parts = f"inputs {grouped(totals.input_gradient_macs)}, weights {weights}"
    least = "" if training.complete else "at least "
    unknown = unknown_operations(training.network)
    return [
        *unknown_notes(f"{grouped(totals.total.flops)} FLOPs", unknown),
        f"A training step on {samples}, without the loss; each operation counts 1.",
        inputs,
        f"step: {optimizer.name}, {optimizer.update}",
        f"MACs: {least}{macs}: {parts}.",
        f"2*MACs, forward and backward: {least}{grouped(products)}.",
    ]


def training_csv(
    training: Training, title: str, rows: Sequence[Row], *, by_kind: bool = False
) -> Table:
    """Every phase on its own, for programs, as the sum of its operations."""
    cost_of = _cost_of(training)
    figures = [*_PARTS, "total", *[f"{name}_macs" for name in _MACS]]
    lines: list[list[Cell]] = []
    for row in rows:
        cost = cost_of(row)
        if cost.unknown:
            lines.append([row.name, row.kind, *[UNKNOWN] * len(figures)])
            continue
        parts = [part.flops for part in cost.phases]
        macs = [macs_of(cost) for macs_of in _MACS.values()]
        lines.append([row.name, row.kind, *parts, cost.total.flops, *macs])
    columns = [*csv_columns(by_kind), *[Column(name, "number") for name in figures]]
    return Table(title, columns, lines)


def training_memory_page(
    report: Report, training: Training, memory: TrainingMemory, dtype: str, depth: int | None
) -> list[Part]:
    """Tables of what is kept for the backward pass, and of every figure in bytes."""
    fused = ", fused attention" if memory.fused else ""
    heading = f"{report_heading(report)}, {dtype}{fused}, kept for the backward pass"
    kept = kept_table(memory, heading, depth, complete=report.complete)
    kept = kept._replace(notes=incomplete_notes(report))
    tables = [kept, step_memory_table(report.totals, training, memory, dtype)]
    return [_headline(report, memory), "\n", *spaced(tables)]


def training_memory_summary(
    report: Report, training: Training, memory: TrainingMemory, dtype: str
) -> list[Part]:
    """What a training step holds in all, and every figure, without the layers."""
    table = step_memory_table(report.totals, training, memory, dtype)
    notes = [*table.notes, *incomplete_notes(report)]
    table = table._replace(title=report_heading(report), notes=notes)
    return [_headline(report, memory), "\n", table]


def _headline(report: Report, memory: TrainingMemory) -> str:
    return headline(report, "memory of a training step", memory.total, "training_memory")


def kept_table(
    memory: TrainingMemory,
    title: str,
    depth: int | None,
    *,
    bars: bool = True,
    complete: bool = True,
) -> Table:
    """What is kept for the backward pass; with a depth, the sum of each group of that depth."""
    lines: dict[tuple[str, str], int] = {}
    for tensor in memory.kept:
        key = (tensor.path, tensor.what)
        if depth is not None:
            key = (".".join(tensor.path.split(".")[:depth]), "")
        lines[key] = lines.get(key, 0) + tensor.bytes
    what = [] if depth is not None else [Column("kept")]
    share = [share_column(memory.activations, complete)] if bars else []
    rows: list[list[Cell]] = [
        [path, *([kept] if what else []), size, *([size] if bars else [])]
        for (path, kept), size in lines.items()
    ]
    return Table(
        title,
        [
            Column("layer", "name"),
            *what,
            Column("bytes", "number"),
            *share,
        ],
        rows,
        [
            totals_label(complete),
            *([""] if what else []),
            memory.activations,
            *([""] if bars else []),
        ],
    )


def step_memory_table(
    totals: Cost, training: Training, memory: TrainingMemory, dtype: str
) -> Table:
    """Every figure in bytes."""
    optimizer = training.optimizer
    numbers = {0: "nothing", 1: "a number"}.get(optimizer.state, f"{optimizer.state} numbers")
    state = f"{optimizer.name} keeps {numbers}"
    if optimizer.state:
        state += " of each parameter, float32"
    samples = "1 sample" if training.batch == 1 else f"{grouped(training.batch)} samples"
    lines = [
        (f"weights ({dtype})", memory.weights, "what the passes compute with"),
        ("buffers", memory.buffers, "running statistics, float32"),
        (f"gradients ({dtype})", memory.gradients, "one for each parameter"),
        ("master weights", memory.master, "what the optimizer changes, float32"),
        ("optimizer state", memory.state, state),
        ("activations", memory.activations, f"kept for the backward pass of {samples}"),
        ("total", memory.total, "when the backward pass begins"),
    ]
    absent = {"buffers", "master weights"}
    # All others are of the learned numbers.
    metrics = {"activations": "training_memory", "total": "training_memory"}
    return Table(
        "",
        [
            Column("training"),
            Column("bytes", "number"),
            Column("", key="size"),
            Column("", "prose", key="note"),
        ],
        [
            [
                at_least(name, totals.misses(metrics.get(name, "weights"))),
                size,
                short_bytes(size),
                note,
            ]
            for name, size, note in lines
            if size or name not in absent
        ],
        (),
        ["The gradients of activations, which come and go, are not in these figures."],
    )


def training_memory_data(training: Training, memory: TrainingMemory, dtype: str) -> dict[str, Any]:
    """What a training step holds as plain data; bytes are integers."""
    return {
        "dtype": dtype,
        "batch": training.batch,
        "optimizer": training.optimizer.name,
        "weights": memory.weights,
        "buffers": memory.buffers,
        "gradients": memory.gradients,
        "master": memory.master,
        "state": memory.state,
        "activations": memory.activations,
        "total": memory.total,
        "fused_attention": memory.fused,
        "complete": training.complete,
        "kept": [tensor._asdict() for tensor in memory.kept],
    }
