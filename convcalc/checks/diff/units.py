"""The keys by which the units of two networks are aligned."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from convcalc.analysis.units import Unit
from convcalc.checks.diff.alignment import Alignment, Pair
from convcalc.layers.base import Layer

#: A key for each unit, old and new.
Sides = tuple[list[int], list[int]]


class Keys:
    """What makes units of two networks alike, as whole numbers; two lists of each, old and new.

    own     the layers with their arguments
    places  the group without its numbers, and the name if it was given one
    strict  both together
    """

    def __init__(self, old: list[Unit], new: list[Unit]) -> None:
        self._units = old, new
        self._numbers: dict[object, int] = {}
        self._by_identity: dict[int, int] = {}
        self._groups: dict[str, str] = {}
        self._differences: dict[Pair, int] = {}
        self.own = self._both(self._own)
        self._names = self._both(self._name)
        self._group_numbers = self._both(lambda unit: self._number(self._group(unit)))
        self._families = self._both(self._family)
        self.places = self._paired(self._names, self._group_numbers)
        self.strict = self._paired(self.own, self.places)

    def aligned(self) -> list[Pair]:
        """Which old unit became which new one: pairs of indices, rising on both sides.

        Comparing the other way round gives the same pairs: which side is called old does not decide
        between alignments that are equally good.
        """
        if not self._turned():
            return Alignment(
                [self.strict[0], self.own[0]],
                [self.strict[1], self.own[1]],
                self._akin,
                self._unlike,
            ).pairs()
        turned = Alignment(
            [self.strict[1], self.own[1]],
            [self.strict[0], self.own[0]],
            lambda i, j: self._akin(j, i),
            lambda i, j: self._unlike(j, i),
        ).pairs()
        return [(j, i) for i, j in turned]

    def _turned(self) -> bool:
        old, new = self._units
        if len(old) != len(new):
            return len(old) > len(new)
        for i, (one, other) in enumerate(zip(*self.strict, strict=True)):
            if one != other:
                return (repr(old[i].layers), old[i].path) > (repr(new[i].layers), new[i].path)
        return False

    def _both(self, key: Callable[[Unit], int]) -> Sides:
        old, new = self._units
        return [key(unit) for unit in old], [key(unit) for unit in new]

    def _paired(self, one: Sides, other: Sides) -> Sides:
        """A key for each unit from two others."""
        old, new = [
            [self._number(pair) for pair in zip(*keys, strict=True)]
            for keys in zip(one, other, strict=True)
        ]
        return old, new

    def _number(self, key: object) -> int:
        """The same number for what is equal."""
        return self._numbers.setdefault(key, len(self._numbers))

    def _own(self, unit: Unit) -> int:
        layers = unit.layers
        if len(layers) == 1:
            return self._layer(layers[0])
        return self._number(tuple([self._layer(layer) for layer in layers]))

    def _layer(self, layer: Layer) -> int:
        # Copies of a layer share one object, and comparing layers takes a while.
        number = self._by_identity.get(id(layer))
        if number is None:
            number = self._by_identity[id(layer)] = self._number(layer)
        return number

    def _name(self, unit: Unit) -> int:
        """The name that a user gave it; the same number for all default names."""
        name = unit.path.rpartition(".")[2]
        prefix = unit.layers[0].prefix
        default = name.startswith(prefix) and name[len(prefix) :].isdigit()
        return _DEFAULT if default else self._number(name)

    def _group(self, unit: Unit) -> str:
        group = unit.group
        shape = self._groups.get(group)
        if shape is None:
            shape = self._groups[group] = re.sub(r"[0-9]+(?=\.|\Z)", "", group) + "."
        return shape

    def _family(self, unit: Unit) -> int:
        """Kinds that stand in for each other: all pooling, all activations, all with weights."""
        layer = unit.layers[0]
        return self._number(layer.role or (_WEIGHTS if layer.weighted else layer.prefix))

    def _akin(self, i: int, j: int) -> bool:
        if self._families[0][i] == self._families[1][j]:
            return True
        name = self._names[0][i]
        return name == self._names[1][j] != _DEFAULT

    def _unlike(self, i: int, j: int) -> int:
        """How little two units have in common, from 0 to 1,000."""
        old, new = self._units[0][i], self._units[1][j]
        keys = self.own[0][i], self.own[1][j]
        unlike = 0
        if keys[0] != keys[1]:
            if keys not in self._differences:
                self._differences[keys] = _differences(old.layers, new.layers)
            unlike = self._differences[keys]
        if self._names[0][i] != self._names[1][j]:
            unlike += 80
        if self._group_numbers[0][i] != self._group_numbers[1][j]:
            unlike += 60
        if old.output != new.output:
            unlike += 40 if old.output[:2] == new.output[:2] else 60
        if old.path != new.path:
            # Inside of a group, numbers count as well: a layer more outside does not change them.
            grouped = old.group or new.group
            names = {unit.path.rpartition(".")[2] for unit in (old, new)}
            unlike += 90 if grouped and len(names) == 2 else 10
        return unlike


#: The number of default names, and what layers with weights have in common.
_DEFAULT = -1
_WEIGHTS = "weights"


def _differences(old: Sequence[Layer], new: Sequence[Layer]) -> int:
    """How much the layers of two units differ, from 0 to 700."""
    one, other = old[0], new[0]
    if one.kind != other.kind:
        found = 400
    else:
        differing = [name for name in one.fields if getattr(one, name) != getattr(other, name)]
        found = min(40 * len(differing), 320)
    return found + min(40 * len(set(old[1:]) ^ set(new[1:])), 240)
