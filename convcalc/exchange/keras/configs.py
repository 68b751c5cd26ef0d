"""The values of a layer's configuration, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeGuard

from convcalc.problems import ConvcalcError, printable
from convcalc.shapes import LARGEST_SIZE, MOST_AXES

#: Makes an error of a message, naming the layer.
Wrong = Callable[[str], ConvcalcError]


class Config:
    """A layer's configuration. Its methods raise ConvcalcError where a value is not of its type."""

    def __init__(self, values: Mapping[str, Any], wrong: Wrong) -> None:
        self.values = values
        self._wrong = wrong

    def bad(self, key: str, what: str) -> ConvcalcError:
        """A value is not what it should be."""
        value = printable(self.values.get(key), 40)
        return self._wrong(f"'{key}' is {what}, not {value}")

    def has(self, key: str) -> bool:
        """Whether there is a value, and not null."""
        return self.values.get(key) is not None

    def text(self, key: str, default: str) -> str:
        """A word."""
        value = self.values.get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self.bad(key, "a word")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """True or false; a number as Python reads it."""
        value = self.values.get(key, default)
        if not isinstance(value, bool | int):
            raise self.bad(key, "true or false")
        return bool(value)

    def whole(self, key: str, default: int | None = None, low: int = 1) -> int:
        """A whole number; one with `.0` is one as well."""
        value = self.values.get(key)
        if value is None and default is not None:
            return default
        if not is_whole(value, low):
            raise self.bad(key, f"a whole number from {low} on")
        return int(value)

    def real(self, key: str, default: float) -> float:
        """A number."""
        value = self.values.get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.bad(key, "a number")
        return value

    def wholes(self, key: str, count: int, default: int | None = None, low: int = 1) -> list[int]:
        """As many whole numbers; one alone stands for all of them."""
        value = self.values.get(key)
        if value is None and default is not None:
            return [default] * count
        items = value if isinstance(value, list) else [value] * count
        found = [int(item) for item in items if is_whole(item, low)]
        if len(found) != count or len(items) != count:
            raise self.bad(key, f"{count} whole numbers from {low} on")
        return found

    def pairs(self, key: str, count: int) -> list[list[int]]:
        """Before and after of as many axes: one number, one for each axis, or a pair for each."""
        value = self.values.get(key)
        items = value if isinstance(value, list) else [value] * count
        if count == 1 and len(items) == 2 and not isinstance(items[0], list):
            items = [items]
        pairs = []
        for item in items:
            pair = item if isinstance(item, list) else [item, item]
            sides = [int(side) for side in pair if is_whole(side, 0)]
            if len(sides) != 2 or len(pair) != 2:
                raise self.bad(key, "a pair of whole numbers for each axis")
            pairs.append(sides)
        if len(pairs) != count:
            raise self.bad(key, f"a pair for each of {count} axes")
        return pairs

    def shape(self, key: str) -> list[int | None]:
        """Sizes, of which some may be open."""
        value = self.values.get(key)
        if not isinstance(value, list) or len(value) > MOST_AXES + 1:
            raise self.bad(key, f"a list of at most {MOST_AXES + 1} sizes")
        sizes: list[int | None] = []
        for item in value:
            if item is None or item == -1:
                sizes.append(None)
            elif is_whole(item, 1):
                sizes.append(int(item))
            else:
                raise self.bad(key, "a list of sizes")
        return sizes

    def inner(self, key: str) -> Mapping[str, Any]:
        """A configuration inside of this one."""
        value = self.values.get(key)
        if not isinstance(value, dict):
            raise self.bad(key, "the configuration of a layer")
        return value


def is_whole(value: object, low: int) -> TypeGuard[int | float]:
    """Whether a value is a whole number from `low` on that a size may be."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return low <= value <= LARGEST_SIZE and value == int(value)


def items_of(value: object) -> Sequence[Any]:
    """A list as it is; nothing of what is no list."""
    return value if isinstance(value, list) else []
