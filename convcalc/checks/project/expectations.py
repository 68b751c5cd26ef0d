"""What a spec says of itself, held against what is true."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.analysis.costs.cost import COSTS
from convcalc.analysis.costs.report import Report
from convcalc.language.building.expectations import Expectation
from convcalc.language.reading.nodes import MOST_PROBLEMS
from convcalc.problems import DidYouMean, Help, Note, Problem, helps, printable
from convcalc.quantities import change_text
from convcalc.shapes import Shape


def broken_expectations(expectations: Sequence[Expectation], report: Report) -> list[Problem]:
    """A problem for each expectation that does not hold.

    report  of the network with the file's own arguments and input, for one sample, taps on padding
            counted: that is what a file's expectations are about
    """
    shapes = _shapes(report) if expectations else {}
    found = []
    for expectation in expectations:
        problem = _check(expectation, report, shapes)
        if problem is not None:
            found.append(problem)
            if len(found) >= MOST_PROBLEMS:
                break
    return found


def _shapes(report: Report) -> dict[str, Shape]:
    """The output of every operation, layer and group, by path."""
    shapes: dict[str, Shape] = {}
    for layer in report.layers:
        path = layer.node.path
        shapes[path] = layer.output
        # Operations run in order, so the last one of a layer or group leaves its value there.
        parts = layer.node.unit.split(".")
        for length in range(1, len(parts) + 1):
            shapes[".".join(parts[:length])] = layer.output
    return shapes


def _check(expectation: Expectation, report: Report, shapes: dict[str, Shape]) -> Problem | None:
    metric, value, span = expectation.metric, expectation.value, expectation.span
    if isinstance(value, int):
        found = COSTS[metric](report.totals)
        if found == value:
            return None
        if report.totals.misses(metric):
            message = f"expected {metric} {value:,}, found at least {found:,}"
            return Problem("expectation", message, span)
        share = f" ({change_text(value, found)})" if value else ""
        off = f"{found - value:+,}{share}"
        return Problem(
            "expectation",
            f"expected {metric} {value:,}, found {found:,}",
            span,
            (Note(f"off by {off}"),),
        )
    place, _, name = metric.partition(".")
    known = shapes if place == "layers" else report.outputs
    if place == "output":
        if len(known) != 1:
            facts = (Help("write outputs: {NAME: [...]}"),)
            message = f"'output' is one shape, but the network has {len(known)} results"
            return Problem("expectation", message, span, facts)
        name = next(iter(known))
    if name not in known:
        meant = DidYouMean(name, tuple(known))
        what = "layer" if place == "layers" else "output"
        return Problem("expectation", f"no {what} is called '{printable(name)}'", span, (meant,))
    shape = known[name][1:]
    if shape == value:
        return None
    help_text = ""
    if value == (1, *shape):
        help_text = "a shape is written without the batch axis"
    elif value == (*shape[1:], shape[0]):
        help_text = "channels come first"
    message = f"expected {name} to put out {list(value)}, found {list(shape)}"
    return Problem("expectation", message, span, helps(help_text))
