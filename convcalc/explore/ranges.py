"""Values of what varies, as they are written: `32,64,96`, `0.25..1.0:0.05`, `[2,2],[3,4]`."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from convcalc.explore.settings import check_name, read_setting
from convcalc.explore.variables import Variable
from convcalc.language.building.spec import Spec
from convcalc.language.reading.ranges import DOTS, read_range, split_values
from convcalc.problems import UNUSABLE, ConvcalcError, Problem, RuleError, printable, refused

#: Values of one variable.
MOST_VALUES = 1_000_000


def read_variable(spec: Spec, text: str, option: str = "--over") -> Variable:
    """What `NAME=VALUES` lets vary; raises ConvcalcError with status 2.

    >>> import convcalc
    >>> spec = convcalc.spec("mobilenet_v2")
    >>> [str(value) for value in read_variable(spec, "width=0.25..1:0.25").values]
    ['1/4', '1/2', '3/4', '1']
    >>> read_variable(spec, "in_size=96,128..224:32").values
    (96, 128, 160, 192, 224)
    """
    name, equals, values = text.partition("=")
    if not equals or not name.strip() or not values.strip():
        help_text = f"{option} width=0.25..1:0.25, or {option} in_size=96,128,160"
        message = f"{option} takes NAME=VALUES, not '{printable(text)}'"
        raise refused("bad-option", message, help_text)
    try:
        return variable_of(spec, name.strip(), split_values(values))
    except ConvcalcError as error:
        # What is wrong with one value is shown with the option that gives it.
        of_values = [
            p if p.subject.value is None else p.about(option=option) for p in error.problems
        ]
        raise ConvcalcError(of_values, error.status) from None


def variable_of(spec: Spec, name: str, texts: Sequence[str]) -> Variable:
    """A variable with these values, each a text; ranges among them."""
    check_name(spec, name)
    found: dict[str, Any] = {}
    for text in texts:
        values = _range(spec, name, text) if DOTS in text else [read_setting(spec, name, text)]
        for value in values:
            found.setdefault(f"{type(value) is bool} {value}", value)
        if len(found) > MOST_VALUES:
            raise _too_many(name, len(found))
    return Variable(name, list(found.values()))


def _range(spec: Spec, name: str, text: str) -> list[int | Fraction]:
    """The numbers of a range."""

    def number(part: str) -> Fraction:
        value = read_setting(spec, name, part)
        if isinstance(value, bool | str | list):
            raise refused("bad-option", f"'{printable(part)}' is no number, and no end of a range")
        return Fraction(value)

    try:
        found = read_range(text, number, f"{name}=")
    except RuleError as error:
        problem = Problem("bad-option", error.message, None, error.facts)
        raise ConvcalcError([problem], UNUSABLE) from None
    if found.size > MOST_VALUES:
        raise _too_many(name, found.size)
    numbers = found.numbers()
    return [number.numerator if number.denominator == 1 else number for number in numbers]


def _too_many(name: str, count: int) -> ConvcalcError:
    message = f"'{printable(name)}' has {count:,} values, more than {MOST_VALUES:,}"
    return refused("too-many-points", message, "a larger step, as in LOW..HIGH:STEP")
