"""Limits on metrics: `arena<=256kB`, `macs>=200M`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from convcalc.explore.columns import Column
from convcalc.metrics import TOTALS
from convcalc.problems import (
    UNUSABLE,
    ConvcalcError,
    DidYouMean,
    Fact,
    Help,
    Problem,
    RuleError,
    Subject,
    printable,
)
from convcalc.quantities import read_quantity
from convcalc.record import Record

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "<=": lambda figure, value: figure <= value,
    ">=": lambda figure, value: figure >= value,
    "<": lambda figure, value: figure < value,
    ">": lambda figure, value: figure > value,
    "==": lambda figure, value: figure == value,
}


class Bound(Record):
    """A limit that a metric keeps or breaks.

    text  as it is written
    """

    metric: str
    operator: str
    value: int
    text: str

    def kept(self, figures: Column) -> Column:
        """Which figures keep it."""
        return _OPERATORS[self.operator](figures, self.value)


def read_bound(text: str) -> Bound:
    """The limit that METRIC OPERATOR VALUE means; raises ConvcalcError with status 2.

    >>> read_bound("weights <= 1MB")
    Bound(metric='weights', operator='<=', value=1000000, text='weights<=1MB')
    """
    match = re.fullmatch(r"\s*([\w.-]+)\s*(<=|>=|==|<|>)\s*([^\s<>=](?:.*\S)?)\s*", text)
    if match is None:
        message = f"'{printable(text)}' is no limit"
        raise _refused(
            message, Help("METRIC OPERATOR VALUE, such as 'macs<=300M' or 'arena<256kB'")
        )
    metric, operator, figure = match.groups()
    if metric == "flops":
        help_text = Help(f"write 'macs{operator}{printable(figure, 40)}'")
        raise _refused("every tool counts FLOPs in its own way", help_text)
    if metric not in TOTALS:
        names = tuple([name for name in TOTALS if name != "flops"])
        raise _refused(f"'{printable(metric)}' is no metric", DidYouMean(metric, names))
    try:
        value = read_quantity(figure, TOTALS[metric].unit)
    except RuleError as error:
        raise _refused(error.message, *error.facts) from None
    return Bound(metric, operator, value, f"{metric}{operator}{figure}")


def _refused(message: str, *facts: Fact) -> ConvcalcError:
    problem = Problem("bad-option", message, None, facts, (), Subject(option="--limit"))
    return ConvcalcError([problem], UNUSABLE)
