"""Every column that a layer table can show, by name: metrics, texts and ratios."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

from convcalc.analysis.analysis import Analysis
from convcalc.analysis.costs.cost import COSTS, LayerReport
from convcalc.analysis.costs.rows import Row
from convcalc.analysis.metrics import OPERATIONS, together
from convcalc.arithmetic import Ratio
from convcalc.metrics import METRICS, Metric
from convcalc.quantities import BYTES, DEFAULT_DTYPE
from convcalc.shapes import tuple_text

#: A column's figure of the operations that make a row, or of all of them.
Figure = Callable[[Analysis, Sequence[LayerReport]], int | str | None]


#: Whether a part of such a figure is unknown.
Unknown = Callable[[Analysis, Sequence[LayerReport]], bool]


def _costs_unknown(_: Analysis, members: Sequence[LayerReport]) -> bool:
    return any([member.cost.unknown for member in members])


def _never(_: Analysis, __: Sequence[LayerReport]) -> bool:
    return False


class LayerColumn(NamedTuple):
    """A column of a layer table.

    title    the heading; in CSV its name
    figure   the cell of a row
    style    how it is drawn
    whole    whether all operations together have one, as sums and peaks do; rows of a kind then
             do too
    unit     the unit, if the figures are not plain counts
    whole_taps  whether taps that fall on padding are counted, --valid-taps or not
    exact    the exact figure, where `figure` is a rounded text or a share
    unknown  whether a part of the figure is unknown; of all operations it is the known part then
    """

    title: str
    figure: Figure
    style: Literal["text", "number", "share"] = "number"
    whole: bool = True
    unit: str = ""
    whole_taps: bool = False
    exact: Callable[[Analysis, Sequence[LayerReport]], Ratio | None] | None = None
    unknown: Unknown = _costs_unknown

    def known(self, analysis: Analysis, members: Sequence[LayerReport]) -> int | str | None:
        """An exact figure: an integer, or a fraction as text; None where there is none."""
        if self.unknown(analysis, members):
            return None
        return self.known_part(analysis, members)

    def known_part(self, analysis: Analysis, members: Sequence[LayerReport]) -> int | str | None:
        """The same of what is known; of a fraction, that is nothing."""
        if self.exact is None:
            return self.figure(analysis, members)
        if self.unknown(analysis, members):
            return None
        found = self.exact(analysis, members)
        return None if found is None else found.data


def _metric(metric: Metric, dtype: str = DEFAULT_DTYPE) -> LayerColumn:
    return LayerColumn(
        metric.title,
        lambda analysis, members: together(analysis, metric.name, members, dtype),
        unit=f"bytes of {dtype}" if metric.unit == BYTES else metric.note,
        whole_taps=metric.whole_taps,
        unknown=lambda _, members: any([m.cost.misses(metric.name) for m in members]),
    )


def _field(name: str) -> LayerColumn:
    def text(analysis: Analysis, members: Sequence[LayerReport]) -> str:
        from convcalc.analysis.field.fields import COLUMNS as TEXTS

        return TEXTS[name](analysis.fields[members[-1].node.path])

    def unknown(analysis: Analysis, members: Sequence[LayerReport]) -> bool:
        return analysis.fields[members[-1].node.path].unknown

    return LayerColumn(name, text, "text", whole=False, unknown=unknown)


def _intensity(*, fused: bool, dtype: str = DEFAULT_DTYPE) -> LayerColumn:
    """Operations for each byte, of layers with what is fused to them or of operations."""

    def exact(analysis: Analysis, members: Sequence[LayerReport]) -> Ratio | None:
        from convcalc.analysis.costs.balance import total

        return total(analysis.balance(dtype).of(members, fused=fused)).intensity

    def text(analysis: Analysis, members: Sequence[LayerReport]) -> str | None:
        from convcalc.analysis.costs.balance import intensity_text

        found = exact(analysis, members)
        return None if found is None else intensity_text(found)

    unit = f"operations for each byte of {dtype}"
    return LayerColumn("intensity", text, unit=unit, exact=exact)


def _share(analysis: Analysis, members: Sequence[LayerReport]) -> Ratio:
    flops = sum([member.cost.flops for member in members])
    return Ratio.of(flops, analysis.report.totals.flops or 1)


def _counted(convention: str) -> Figure:
    def count(analysis: Analysis, members: Sequence[LayerReport]) -> int:
        counted = analysis.counted(convention)
        return sum([counted[member.node.path] for member in members])

    return count


def _inputs(_: Analysis, members: Sequence[LayerReport]) -> str:
    return " ".join([tuple_text(shape) for shape in members[0].inputs])


def _output(_: Analysis, members: Sequence[LayerReport]) -> str:
    return tuple_text(members[-1].output)


#: Every column besides a row's name and kind.
COLUMNS: dict[str, LayerColumn] = {
    "inputs": LayerColumn("inputs", _inputs, "text", whole=False, unknown=_never),
    "output": LayerColumn("output shape", _output, "text", whole=False, unknown=_never),
    **{name: _metric(METRICS[name]) for name in COSTS},
    "share": LayerColumn(
        "share", _metric(METRICS["flops"]).figure, "share", False, "of all FLOPs", exact=_share
    ),
    **{name: _metric(METRICS[name]) for name in OPERATIONS if METRICS[name].of != "network"},
    **{name: _field(name) for name in ("field", "stride", "offset", "centre")},
    "intensity": _intensity(fused=True),
}


def columns_of(
    names: Sequence[str], *, fused: bool = True, dtype: str = DEFAULT_DTYPE
) -> dict[str, LayerColumn]:
    """The columns with these names, conventions of other counters among them.

    fused  whether rows are layers with what is fused to them, and not single operations
    dtype  the type of the numbers whose bytes are shown
    """
    from convcalc.analysis.counters.counting import BY_NAME

    found = {**COLUMNS, "intensity": _intensity(fused=fused, dtype=dtype)}
    for name in OPERATIONS:
        if METRICS[name].unit == BYTES:
            found[name] = _metric(METRICS[name], dtype)
    for name, convention in BY_NAME.items():
        if name in names:
            found[name] = LayerColumn(
                name,
                _counted(name),
                unit=f"{convention.unit} as {convention.counter} {convention.version} has them",
                whole_taps=True,
            )
    return {name: found[name] for name in names if name in found}


def column_names() -> list[str]:
    """Every name that `--columns` takes."""
    from convcalc.analysis.counters.counting import BY_NAME

    return ["name", "kind", *COLUMNS, *BY_NAME]


def sort_figures(
    columns: Mapping[str, LayerColumn], analysis: Analysis
) -> dict[str, Callable[[Row], int]]:
    """What rows are sorted by in the columns of numbers; rows without a known one come last."""

    def of(column: LayerColumn) -> Callable[[Row], int]:
        def figure(row: Row) -> int:
            if column.unknown(analysis, row.members):
                return -1
            if column.exact is not None:
                found = column.exact(analysis, row.members)
                # Compared to the millionth, in integers.
                return -1 if found is None else found.numerator * 10**6 // found.denominator
            value = column.figure(analysis, row.members)
            return value if isinstance(value, int) else -1

        return figure

    return {name: of(column) for name, column in columns.items() if column.style != "text"}
