"""The limits of `--fail-on`: `macs>+2%` over the lock, `macs>+5M` likewise, `macs>310M` in all."""

from __future__ import annotations

import re

from convcalc.language.reading.limits import Limit
from convcalc.metrics import SUMS, TOTALS
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
from convcalc.quantities import read_growth, read_quantity

_OPTION = "--fail-on"


def read_fail_on(text: str) -> Limit:
    """The limit that a text means; raises ConvcalcError with status 2.

    >>> read_fail_on("macs>+2%").growth
    Growth(numerator=2, denominator=1, amount=None)
    """
    match = re.fullmatch(r"\s*([\w.-]+)\s*>\s*(\+?)\s*(.*\S)\s*", text)
    if match is None:
        raise _refused(
            f"'{printable(text)}' is no condition",
            Help("METRIC>+GROWTH against the lock, 'macs>+2%', or METRIC>LIMIT, 'macs>310M'"),
        )
    metric, plus, figure = match.groups()
    if metric == "flops":
        message = "every tool counts FLOPs in its own way"
        raise _refused(message, Help(f"write 'macs>{plus}{printable(figure, 40)}'"))
    if metric not in TOTALS:
        names = tuple([name for name in TOTALS if name != "flops"])
        message = f"'{printable(metric)}' is nothing that can be limited"
        raise _refused(message, DidYouMean(metric, names))
    if figure.endswith("%") and not plus:
        message = f"'{printable(text)}': a share is of what was before"
        raise _refused(message, Help(f"write '{metric}>+{printable(figure, 40)}'"))
    unit = TOTALS[metric].unit
    limit = Limit(metric, 0, unit, figure, None, option=_OPTION)
    try:
        if plus:
            return limit._replace(growth=read_growth(figure, unit, small=metric not in SUMS))
        return limit._replace(most=read_quantity(figure, unit))
    except RuleError as error:
        raise _refused(error.message, *error.facts) from None


def _refused(message: str, *facts: Fact) -> ConvcalcError:
    problem = Problem("bad-option", message, None, facts, (), Subject(option=_OPTION))
    return ConvcalcError([problem], UNUSABLE)
