"""What varies in a space: arguments of a file, and sizes of its inputs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import Any

import numpy as np

from convcalc.explore.columns import LARGEST, Column
from convcalc.polynomials import Quotient, Space
from convcalc.record import Record

#: The name of the sizes of an input.
IN_SIZE = "in_size"
_NAME = re.compile(r"([\w-]+(?:\.in_size)?)(?:\[([0-9]{1,4})\])?", re.ASCII)


class Unknown(Record):
    """A whole number that stands for one that varies, which is (base + step*it) / denominator.

    column  it for each value of the variable
    """

    name: str
    base: int
    step: int
    denominator: int
    column: Column

    @property
    def shown(self) -> tuple[int, str]:
        """What it is in terms of the number that varies: a factor, and a text to multiply."""
        if self.step == 1:
            return self.denominator, self.name
        text = self.name if self.denominator == 1 else f"{self.denominator}*{self.name}"
        if self.base:
            text = f"({text} {'-' if self.base > 0 else '+'} {abs(self.base)})"
        return 1, f"({text}/{self.step})"

    def symbol(self, space: Space) -> Any:
        """The varying number in a space."""
        low, high = int(self.column.min()), int(self.column.max())
        number = space.variable(self.name, low, high) * self.step + self.base
        return Quotient.made(number, self.denominator)


class Setting(Record):
    """What of a network varies with one variable.

    argument  the argument; "" for sizes of an input
    item      which item of its list, or which axis; None for all of it
    input     the input; "" for all
    """

    argument: str
    item: int | None
    input: str

    @classmethod
    def named(cls, name: str) -> Setting | None:
        """What a name stands for; None where it is no name of this form.

        >>> Setting.named("depths[2]")
        Setting(argument='depths', item=2, input='')
        >>> Setting.named("left.in_size")
        Setting(argument='', item=None, input='left')
        """
        match = _NAME.fullmatch(name)
        if match is None:
            return None
        head, index = match[1], match[2]
        item = None if index is None else int(index)
        if head == IN_SIZE or head.endswith(f".{IN_SIZE}"):
            return cls("", item, head[: -len(IN_SIZE)].rstrip("."))
        return cls(head, item, "") if "." not in head and "-" not in head else None


class Variable:
    """An argument, a part of one, or sizes of the input, and the values that it takes.

    name      as it is written: `width`, `depths[2]`, `in_size`, `left.in_size[0]`
    setting   what that stands for
    values    each once: numbers, words, lists
    unknowns  the numbers in it that vary; none where the values are no numbers
    """

    def __init__(self, name: str, values: Sequence[Any]) -> None:
        setting = Setting.named(name)
        if setting is None:
            raise ValueError(f"{name!r} names nothing that varies")
        self.name = name
        self.setting = setting
        self.values = tuple(values)
        self.unknowns: dict[int, Unknown] = {}
        first = self.values[0]
        columns: dict[int, Sequence[Any]] = {}
        if all(map(_is_number, self.values)):
            columns[-1] = self.values
        elif isinstance(first, list) and all(map(_is_list_of_numbers, self.values)):
            if len({len(value) for value in self.values}) == 1:
                items = enumerate(zip(*self.values, strict=True))
                columns = {place: column for place, column in items if len(set(column)) > 1}
        # What 64 bits cannot hold is read one after the other.
        if all(_fits(column) for column in columns.values()):
            for place, column in columns.items():
                item = name if place < 0 else f"{name}[{place}]"
                self.unknowns[place] = _unknown(item, column)

    def __len__(self) -> int:
        return len(self.values)

    def symbol(self, space: Space) -> Any:
        """Its value, with unknowns for the numbers that vary."""
        if -1 in self.unknowns:
            return self.unknowns[-1].symbol(space)
        items = list(self.values[0])
        for place, unknown in self.unknowns.items():
            items[place] = unknown.symbol(space)
        return items


def _unknown(name: str, values: Sequence[int | Fraction]) -> Unknown:
    """Numbers that are whole, as steps from the least of them where these are larger than 1."""
    denominator = lcm(*[value.denominator for value in values])
    wholes = [int(value * denominator) for value in values]
    base = min(wholes)
    step = gcd(*[value - base for value in wholes]) or 1
    if step == 1:
        base = 0
    column = np.array([(value - base) // step for value in wholes], dtype=np.int64)
    return Unknown(name, base, step, denominator, column)


def _fits(values: Sequence[int | Fraction]) -> bool:
    denominator = lcm(*[value.denominator for value in values])
    return all(-LARGEST <= value * denominator <= LARGEST for value in values)


def _is_number(value: object) -> bool:
    return isinstance(value, int | Fraction) and not isinstance(value, bool)


def _is_list_of_numbers(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_number, value))


class Assignment:
    """How the values of variables become arguments and sizes of a network.

    args    the arguments as they are without variables, by name
    sizes   the input's sizes as they are without
    ranks   the axes of each input by name, the channels among them
    """

    def __init__(
        self,
        settings: Sequence[Setting],
        own: Mapping[str, Any],
        args: Mapping[str, object],
        sizes: Mapping[str, Sequence[int | None]],
        ranks: Mapping[str, int],
    ) -> None:
        self._settings = settings
        self._own = own
        self._args = args
        self._sizes = sizes
        self._ranks = ranks

    def of(self, values: Sequence[Any]) -> tuple[dict[str, Any], dict[str, list[Any]] | None]:
        """The arguments and sizes for these values, one for each variable."""
        args: dict[str, Any] = dict(self._args)
        sizes = {name: list(given) for name, given in self._sizes.items()}
        for setting, value in zip(self._settings, values, strict=True):
            if setting.argument and setting.item is None:
                args[setting.argument] = value
            elif setting.argument and setting.item is not None:
                items = list(args.get(setting.argument, self._own[setting.argument]))
                items[setting.item] = value
                args[setting.argument] = items
            else:
                self._set_sizes(sizes, setting, value)
        return args, sizes or None

    def _set_sizes(self, sizes: dict[str, list[Any]], setting: Setting, value: Any) -> None:
        for name in [setting.input] if setting.input else self._ranks:
            shape = sizes.setdefault(name, [None] * self._ranks[name])
            axes = range(1, len(shape)) if setting.item is None else [setting.item + 1]
            for axis in axes:
                shape[axis] = value
