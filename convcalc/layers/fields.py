"""The arguments of a layer kind: declared once, and everything else derived from that.

From a kind's fields follow the keys that the spec reader accepts, the hints in its errors, the JSON
Schema and the reference page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, SupportsFloat

from convcalc.arithmetic import Ratio
from convcalc.problems import DidYouMean, Help, Rule, RuleError, printable
from convcalc.shapes import LARGEST_SIZE
from convcalc.symbols import Symbol, whole

if TYPE_CHECKING:
    from fractions import Fraction

#: Padding of each axis as (before, after), or a rule that depends on the input's size.
Padding = tuple[tuple[int, int], ...] | str

REQUIRED: Final = object()


class FieldType:
    """What values an argument takes; abstract."""

    #: Words that this field understands besides expressions.
    words: tuple[str, ...] = ()
    #: A list has one entry for each spatial axis of the input.
    per_axis: bool = False
    #: Whether its numbers are whole ones.
    whole = False
    #: Whether it is the name of an earlier layer, which the language puts in the name's place.
    reference = False
    #: Whether it is a name that is taken as it is written, and no expression.
    literal = False

    @property
    def text(self) -> str:
        """The accepted values, as a phrase that fits after "must be"."""
        raise NotImplementedError

    def read(self, value: object, rank: int) -> Any:
        """The value a layer stores, for an input with `rank` spatial axes.

        Raises RuleError where the value is not one that the field takes; its message continues
        the argument's name.
        """
        raise NotImplementedError

    def written(self, value: Any) -> str:
        """A value that a layer stores, as a user would write it; the opposite of `read`."""
        if value is None:
            return "none"
        # In full, because texts that are cut would be equal where the lists are not.
        return value if isinstance(value, str) else value_text(_as_list(value), whole_lists=True)

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the literal values; expressions are added by the caller."""
        raise NotImplementedError

    def refuse(self, value: object) -> RuleError:
        """The error for a value that this field does not take."""
        facts = [DidYouMean(value, self.words)] if isinstance(value, str) else []
        return RuleError("bad-value", f"must be {self.text}, not {value_text(value)}", "", facts)


class Whole(FieldType):
    """A whole number within limits."""

    whole = True

    def __init__(self, low: int = 1, high: int = LARGEST_SIZE) -> None:
        self.low = low
        self.high = high

    @property
    def text(self) -> str:
        return f"a whole number from {self.low} to {self.high}"

    def read(self, value: object, rank: int) -> int:
        if not (whole(value) and self.low <= value <= self.high):
            raise self.refuse(value)
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


class Flag(FieldType):
    """`true` or `false`."""

    text = "true or false"

    def read(self, value: object, rank: int) -> bool:
        if not isinstance(value, bool):
            raise self.refuse(value)
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


class Real(FieldType):
    """A number within limits, kept as a float: it enters no size and no count."""

    def __init__(self, low: int | None = None, high: int | None = None, *, above: bool = False):
        self.low = low
        self.high = high
        self.above = above

    @property
    def text(self) -> str:
        if self.low is None:
            return "a number"
        if self.high is not None:
            least = f"above {self.low}" if self.above else f"of at least {self.low}"
            return f"a number {least} and below {self.high}"
        return f"a number above {self.low}" if self.above else f"a number of at least {self.low}"

    def read(self, value: object, rank: int) -> float:
        number: Any = value
        if not isinstance(value, Symbol):
            # Numbers arrive as int or Fraction; both are recognised without importing fractions.
            if isinstance(value, bool) or not isinstance(value, SupportsFloat):
                raise self.refuse(value)
            try:
                number = float(value)
            except OverflowError:
                number = float("inf")
        low, high = self.low, self.high
        if low is not None and (number < low or (self.above and number == low)):
            raise self.refuse(value)
        if high is not None and number >= high:
            raise self.refuse(value)
        # The bound keeps numbers within what a float32 can hold when the network runs.
        if not -(10**30) < number < 10**30:
            raise RuleError("bad-value", f"must be below 10^30 in size, not {value_text(value)}")
        return number  # type: ignore[no-any-return]

    def schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "number"}
        if self.low is not None:
            schema["exclusiveMinimum" if self.above else "minimum"] = self.low
        if self.high is not None:
            schema["exclusiveMaximum"] = self.high
        return schema


class Choice(FieldType):
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        self.words = words

    @property
    def text(self) -> str:
        return " or ".join(self.words)

    def read(self, value: object, rank: int) -> str:
        if not isinstance(value, str) or value not in self.words:
            raise self.refuse(value)
        return value

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.words)}


class PerAxis(FieldType):
    """One whole number for all spatial axes, or a list with one per axis."""

    per_axis = True
    whole = True

    def __init__(self, low: int = 1) -> None:
        self.low = low

    @property
    def text(self) -> str:
        return f"a whole number from {self.low} to {LARGEST_SIZE}, or one per axis"

    def read(self, value: object, rank: int) -> tuple[int, ...]:
        if isinstance(value, list):
            check_length(value, rank)
            return tuple([self._one(item) for item in value])
        return (self._one(value),) * rank

    def _one(self, value: object) -> int:
        if not (whole(value) and self.low <= value <= LARGEST_SIZE):
            raise self.refuse(value)
        return value

    def written(self, value: Any) -> str:
        return super().written(_briefly(value))

    def schema(self) -> dict[str, Any]:
        one = {"type": "integer", "minimum": self.low, "maximum": LARGEST_SIZE}
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1, "maxItems": 3}]}


class Factors(FieldType):
    """A positive fraction for all spatial axes, or a list with one per axis."""

    per_axis = True

    text = "a number above 0, such as 2 or 1.5, or one per axis"

    def read(self, value: object, rank: int) -> tuple[Ratio, ...]:
        if isinstance(value, list):
            check_length(value, rank)
            return tuple([self._one(item) for item in value])
        return (self._one(value),) * rank

    def _one(self, value: object) -> Ratio:
        if whole(value):
            factor = Ratio(value, 1)
        elif isinstance(value, SupportsFloat) and not isinstance(value, bool):
            fraction: Any = value  # recognised without importing fractions
            factor = Ratio(*fraction.as_integer_ratio())
        else:
            raise self.refuse(value)
        if factor.numerator <= 0:
            raise self.refuse(value)
        if factor.numerator > LARGEST_SIZE or factor.denominator > LARGEST_SIZE:
            message = f"must be a fraction of whole numbers up to {LARGEST_SIZE}"
            raise RuleError("bad-value", f"{message}, not {value_text(value)}")
        return factor

    def written(self, value: Any) -> str:
        if value is None:
            return super().written(value)
        texts = [str(factor) for factor in value]
        return texts[0] if len(set(texts)) == 1 else f"[{', '.join(texts)}]"

    def schema(self) -> dict[str, Any]:
        one = {"type": "number", "exclusiveMinimum": 0, "maximum": LARGEST_SIZE}
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1, "maxItems": 3}]}


#: The padding with which no unit sees what comes after its place: the extent - 1 before, 0 after.
CAUSAL = "causal"


class PaddingSides(FieldType):
    """Padding per side: one number, one per axis, or a pair [before, after] per axis."""

    per_axis = True
    whole = True

    def __init__(self, *words: str, low: int = 0) -> None:
        self.words = words
        self.low = low

    @property
    def text(self) -> str:
        words = "".join(f", {word}" for word in self.words)
        numbers = f"a whole number from {self.low} to {LARGEST_SIZE}"
        return f"{numbers}, one or [before, after] per axis{words}"

    def read(self, value: object, rank: int) -> Padding:
        if isinstance(value, str) and value in self.words:
            if value == CAUSAL and rank > 1:
                raise RuleError(
                    "wrong-rank",
                    f"{CAUSAL} is for one spatial axis, but the input has {rank}",
                    "",
                    [
                        Rule(f"{CAUSAL} adds the window's extent - 1 before the axis, 0 after it"),
                        Help("list [before, after] for each axis, as in [[2, 0], [1, 1]]"),
                    ],
                )
            return ((0, 0),) * rank if value == "valid" else value
        if isinstance(value, list):
            check_length(value, rank)
            return tuple([self._pair(item) for item in value])
        return (self._pair(value),) * rank

    def _pair(self, value: object) -> tuple[int, int]:
        if isinstance(value, list):
            if len(value) != 2:
                raise RuleError(
                    "bad-value", f"takes [before, after] for an axis, not {value_text(value)}"
                )
            return self._side(value[0]), self._side(value[1])
        side = self._side(value)
        return side, side

    def _side(self, value: object) -> int:
        if not (whole(value) and self.low <= value <= LARGEST_SIZE):
            raise self.refuse(value)
        return value

    def written(self, value: Any) -> str:
        if isinstance(value, tuple):
            # A pair stays one where its sides differ: one number each would be one for each axis.
            sides = [pair[0] if pair[0] == pair[1] else pair for pair in value]
            return super().written(_briefly(tuple(sides)))
        return super().written(value)

    def schema(self) -> dict[str, Any]:
        side = {"type": "integer", "minimum": self.low, "maximum": LARGEST_SIZE}
        pair = {"type": "array", "items": side, "minItems": 2, "maxItems": 2}
        axes = {"type": "array", "items": {"anyOf": [side, pair]}, "minItems": 1, "maxItems": 3}
        return {"anyOf": [side, axes, *([{"enum": list(self.words)}] if self.words else [])]}


class WholeList(FieldType):
    """A list of whole numbers, such as a shape, an order of axes or a range of channels.

    alone  whether one number may stand for a list of it
    """

    def __init__(
        self, what: str, low: int, longest: int, shortest: int = 1, *, alone: bool = False
    ) -> None:
        self.what = what
        self.low = low
        self.longest = longest
        self.shortest = shortest
        self.alone = alone

    @property
    def text(self) -> str:
        return self.what

    def read(self, value: object, rank: int) -> tuple[int, ...]:
        items = [value] if self.alone and not isinstance(value, list) else value
        if not isinstance(items, list) or not self.shortest <= len(items) <= self.longest:
            raise self.refuse(value)
        for item in items:
            if not (whole(item) and self.low <= item <= LARGEST_SIZE):
                raise self.refuse(value)
        return tuple(items)

    def schema(self) -> dict[str, Any]:
        item = {"type": "integer", "minimum": self.low, "maximum": LARGEST_SIZE}
        items = {
            "type": "array",
            "items": item,
            "minItems": self.shortest,
            "maxItems": self.longest,
        }
        return {"anyOf": [item, items]} if self.alone else items


def _briefly(value: Any) -> Any:
    """One number for all axes, where they are equal; a pair of sides stays in its list."""
    equal = isinstance(value, tuple) and len(set(value)) == 1 and isinstance(value[0], int)
    return value[0] if equal else value


def _as_list(value: Any) -> Any:
    return [_as_list(item) for item in value] if isinstance(value, tuple) else value


def check_length(value: Sequence[object], rank: int) -> None:
    """Refuses a list that has not exactly one entry per spatial axis."""
    if len(value) != rank:
        axes = "axis" if rank == 1 else "axes"
        raise RuleError(
            "wrong-rank",
            f"lists {len(value)} values, but the input has {rank} spatial {axes}",
            "",
            [Rule("a list has one entry per spatial axis")],
        )


def value_text(value: object, *, whole_lists: bool = False) -> str:
    """A value as the user would write it; of a long list the beginning, unless it is asked for."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{printable(value)}'"
    if isinstance(value, list):
        items = value if whole_lists else value[:8]
        return "[" + ", ".join(value_text(item, whole_lists=whole_lists) for item in items) + "]"
    if isinstance(value, int):
        # str() refuses integers of more than a few thousand digits.
        return str(value) if abs(value) < 10**60 else "a number of over 60 digits"
    from fractions import Fraction  # only a message needs it

    if isinstance(value, Fraction):
        if abs(value.numerator) >= 10**60 or value.denominator >= 10**60:
            return "a fraction of over 60 digits"
        return decimal_text(value)
    return printable(value)


def decimal_text(value: Fraction) -> str:
    """An exact fraction as a decimal where that is exact, else as a/b.

    >>> from fractions import Fraction
    >>> decimal_text(Fraction(3, 8)), decimal_text(Fraction(1, 3))
    ('0.375', '1/3')
    """
    denominator = value.denominator
    digits = 0
    while denominator != 1 and digits < 20:
        digits += 1
        denominator = (value * 10**digits).denominator
    if denominator != 1:
        return str(value)
    sign = "-" if value < 0 else ""
    text = str(abs((value * 10**digits).numerator)).rjust(digits + 1, "0")
    return sign + (f"{text[:-digits]}.{text[-digits:]}" if digits else text)


class Field:
    """One argument of a kind."""

    __slots__ = ("default", "doc", "name", "symbol", "type")

    def __init__(self, type_: FieldType, doc: str, default: object, symbol: str) -> None:
        self.name = ""
        self.type = type_
        self.doc = doc
        self.default = default
        self.symbol = symbol

    @property
    def required(self) -> bool:
        """Whether the argument has no default."""
        return self.default is REQUIRED

    def read(self, value: object, rank: int) -> Any:
        """The value a layer stores, for an input with `rank` spatial axes.

        Raises RuleError, with the argument to blame as its field.
        """
        try:
            return self.type.read(value, rank)
        except RuleError as error:
            message = f"{self.name} {error.message}"
            raise RuleError(error.code, message, self.name, error.facts) from None


def field(type_: FieldType, doc: str, *, default: Any = REQUIRED, symbol: str = "") -> Any:
    """Declares an argument.

    The default is as a user would write it, or None where it follows from others; `symbol` is what
    formulas call it. The return type is Any because the class body assigns it to the attribute's
    own type, as with dataclasses.
    """
    return Field(type_, doc, default, symbol)
