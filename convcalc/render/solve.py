"""The best variant of a network and the proof, as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from convcalc.metrics import METRICS
from convcalc.problems import printable
from convcalc.quantities import quantity_text
from convcalc.render.sweep import json_value, value_text


class Found(NamedTuple):
    """A variant: what varies, its figures, and its objective."""

    values: dict[str, Any]
    figures: dict[str, int]


class Proof(NamedTuple):
    """What became of every point.

    points     in all
    excluded   by conditions
    invalid    that are no networks
    broken     those that break a limit and none before it, by the limit
    kept       those that are known to keep every limit
    unneeded   those that were not looked at, because they are no better than the runner-up
    """

    points: int
    excluded: int
    invalid: int
    broken: dict[str, int]
    kept: int
    unneeded: int


class Solved(NamedTuple):
    """An answer.

    objective  what was asked: "the most macs"
    equal      the other variants that are as good
    """

    network: str
    objective: str
    best: Found | None
    runner_up: Found | None
    equal: int
    proof: Proof
    dtype: str


def variant_text(values: dict[str, Any]) -> str:
    """The arguments of a variant, as `--over` and `--set` take them."""
    return " ".join([f"{name}={value_text(value)}" for name, value in values.items()])


def solve_text(solved: Solved) -> str:
    """The answer for people."""
    lines = [f"{printable(solved.network)}: {solved.objective}"]
    if solved.best is None:
        lines.append("no variant keeps every limit")
    else:
        lines += [variant_text(solved.best.values), ""]
        lines += _figures(solved.best.figures)
        lines.append("")
        if solved.equal:
            more = "1 more variant has" if solved.equal == 1 else f"{solved.equal:,} more have"
            lines.append(f"{more} the same.")
        if solved.runner_up is not None:
            lines.append(f"runner-up: {variant_text(solved.runner_up.values)}")
            lines += _figures(solved.runner_up.figures)
        lines.append("")
    lines += _proof(solved.proof)
    if solved.best is not None:
        lines.append("The figures of the best are those of its own network, read and analysed.")
    elif solved.proof.broken:
        lines.append("`convcalc sweep --keep` with the same --over and --limit shows by how much.")
    lines.append(f"Bytes are those of numbers in {solved.dtype}.")
    return "".join([f"{line}\n" for line in lines])


def _figures(figures: dict[str, int]) -> list[str]:
    width = max([len(name) for name in figures], default=0)
    return [
        f"  {name:<{width}}  {quantity_text(figure, METRICS[name].unit)}"
        for name, figure in figures.items()
    ]


def _proof(proof: Proof) -> list[str]:
    """The points, and what became of them, one below the other; they add up."""
    parts: Sequence[tuple[int, str]] = [
        (proof.excluded, "are excluded by conditions"),
        (proof.invalid, "are no networks, or of unknown cost"),
        *[(count, f"break {limit}") for limit, count in proof.broken.items()],
        (proof.unneeded, "are no better than these, and were not looked at further"),
        (proof.kept, "keep every limit"),
    ]
    shown = [(count, text) for count, text in parts if count or text == "keep every limit"]
    width = len(f"{proof.points:,}")
    total = f"{proof.points:,} points, every one of the space:"
    return [total, *[f"{count:>{width},} {text}" for count, text in shown]]


def solve_data(solved: Solved) -> dict[str, Any]:
    """The answer as plain data."""
    proof = solved.proof

    def found(one: Found | None) -> dict[str, Any] | None:
        if one is None:
            return None
        args = {name: json_value(value) for name, value in one.values.items()}
        return {"args": args, "metrics": one.figures}

    return {
        "schema": "convcalc.solve/1",
        "network": solved.network,
        "objective": solved.objective,
        "dtype": solved.dtype,
        "best": found(solved.best),
        "runner_up": found(solved.runner_up),
        "equal": solved.equal,
        "proof": {
            "points": proof.points,
            "excluded": proof.excluded,
            "invalid": proof.invalid,
            "broken": proof.broken,
            "unneeded": proof.unneeded,
            "kept": proof.kept,
        },
    }
