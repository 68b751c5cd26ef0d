"""Values of what varies, as they are written: `32,64,96`, `0.25..1.0:0.05`, `[2,2],[3,4]`."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from convcalc.explore.settings import check_name, read_setting
from convcalc.explore.variables import Variable
from convcalc.language.building.spec import Spec
from convcalc.layers.fields import decimal_text
from convcalc.problems import ConvcalcError, printable, refused

#: Values of one variable.
MOST_VALUES = 1_000_000
_DOTS = ".."


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
    return variable_of(spec, name.strip(), split_values(values))


def variable_of(spec: Spec, name: str, texts: Sequence[str]) -> Variable:
    """A variable with these values, each a text; ranges among them."""
    check_name(spec, name)
    found: dict[str, Any] = {}
    for text in texts:
        values = _range(spec, name, text) if _DOTS in text else [read_setting(spec, name, text)]
        for value in values:
            found.setdefault(f"{type(value) is bool} {value}", value)
        if len(found) > MOST_VALUES:
            raise _too_many(name, len(found))
    return Variable(name, list(found.values()))


def split_values(text: str) -> list[str]:
    """The parts between commas that stand in no brackets."""
    parts, depth, start = [], 0, 0
    for place, character in enumerate(text):
        if character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif character == "," and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]]


def _range(spec: Spec, name: str, text: str) -> list[int | Fraction]:
    """The numbers of `LOW..HIGH` or `LOW..HIGH:STEP`, both ends included."""
    ends, colon, step_text = text.partition(":")
    low_text, _, high_text = ends.partition(_DOTS)
    low, high = [_number(spec, name, part, text) for part in (low_text, high_text)]
    step = _number(spec, name, step_text, text) if colon else Fraction(1)
    shown = printable(text.strip())
    if step <= 0:
        message = f"the range {shown} never ends: its step is {decimal_text(step)}"
        raise refused("bad-option", message, f"{name}={low_text}..{high_text}:1")
    if low > high:
        help_text = f"the smaller end comes first: {name}={high_text}..{low_text}"
        raise refused("bad-option", f"the range {shown} has no points", help_text)
    count = (high - low) // step + 1
    if count > MOST_VALUES:
        raise _too_many(name, count)
    last = low + (count - 1) * step
    if last != high:
        help_text = f"{name}={low_text}..{decimal_text(last)}{':' if colon else ''}{step_text}"
        message = f"the range {shown} does not reach its end: its last number is"
        raise refused("bad-option", f"{message} {decimal_text(last)}", help_text)
    numbers = [low + index * step for index in range(count)]
    return [number.numerator if number.denominator == 1 else number for number in numbers]


def _number(spec: Spec, name: str, text: str, whole: str) -> Fraction:
    if not text.strip():
        help_text = f"{name}=LOW..HIGH, or {name}=LOW..HIGH:STEP"
        raise refused(
            "bad-option", f"'{printable(whole)}' is no range: a number is missing", help_text
        )
    value = read_setting(spec, name, text.strip())
    if isinstance(value, bool | str | list):
        raise refused("bad-option", f"'{printable(text)}' is no number, and no end of a range")
    return Fraction(value)


def _too_many(name: str, count: int) -> ConvcalcError:
    message = f"'{printable(name)}' has {count:,} values, more than {MOST_VALUES:,}"
    return refused("too-many-points", message, "a larger step, as in LOW..HIGH:STEP")
