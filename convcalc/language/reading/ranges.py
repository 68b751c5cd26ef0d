"""Values as people write several of them: `32,64`, `0.25..1:0.05`, `[2,2],[3,4]`."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from convcalc.layers.fields import decimal_text
from convcalc.problems import Fact, RuleError, helps, printable

#: What stands between the ends of a range.
DOTS = ".."


class Range(NamedTuple):
    """So many numbers from the lowest on; a file may ask for more than there is room for."""

    low: Fraction
    step: Fraction
    size: int

    def numbers(self) -> list[Fraction]:
        """All of them."""
        return [self.low + index * self.step for index in range(self.size)]


def split_values(text: str) -> list[str]:
    """The parts between commas that stand in no brackets.

    >>> split_values("8, 16..32:4, [3, 4]")
    ['8', ' 16..32:4', ' [3, 4]']
    """
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


def read_range(text: str, number: Callable[[str], Fraction], before: str = "") -> Range:
    """The numbers of `LOW..HIGH` or `LOW..HIGH:STEP`, both ends included.

    number  reads an end or the step
    before  what a line that mends a mistake begins with: "width="

    Raises RuleError bad-value where the text is no range, or has no numbers.

    >>> [float(value) for value in read_range("0.5..1:0.25", Fraction).numbers()]
    [0.5, 0.75, 1.0]
    """
    ends, colon, step_text = text.partition(":")
    low_text, _, high_text = ends.partition(DOTS)
    parts = [low_text, high_text, *([step_text] if colon else [])]
    if not all([part.strip() for part in parts]):
        help_text = f"{before}LOW..HIGH, or {before}LOW..HIGH:STEP"
        raise _wrong(f"'{printable(text)}' is no range: a number is missing", help_text)
    low, high, step = [*[number(part.strip()) for part in parts], Fraction(1)][:3]
    shown = printable(text.strip())
    if step <= 0:
        message = f"the range {shown} never ends: its step is {decimal_text(step)}"
        raise _wrong(message, f"{before}{low_text}..{high_text}:1")
    if low > high:
        help_text = f"the smaller end comes first: {before}{high_text}..{low_text}"
        raise _wrong(f"the range {shown} has no points", help_text)
    count = (high - low) // step + 1
    last = low + (count - 1) * step
    if last != high:
        help_text = f"{before}{low_text}..{decimal_text(last)}{':' if colon else ''}{step_text}"
        if last == low and not colon:
            # A step of 1 was not meant between fractions.
            fits = low > 0 and (high - low) % low == 0
            help_text = f"{before}{low_text}..{high_text}:{low_text if fits else 'STEP'}"
        message = f"the range {shown} does not reach its end: its last number is"
        raise _wrong(f"{message} {decimal_text(last)}", help_text)
    return Range(low, step, count)


def _wrong(message: str, help_text: str) -> RuleError:
    facts: tuple[Fact, ...] = helps(printable(help_text, 200))
    return RuleError("bad-value", message, facts=facts)
