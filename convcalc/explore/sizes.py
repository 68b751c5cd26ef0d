"""The input sizes that work: exactly, for every size up to a largest one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from convcalc.explore.columns import Column
from convcalc.explore.engine import Engine
from convcalc.explore.figures import LOST
from convcalc.explore.variables import IN_SIZE, Variable
from convcalc.language.building.evaluation import MOST_LAYERS
from convcalc.language.building.spec import Spec
from convcalc.problems import refused
from convcalc.shapes import SizeSet

#: Sizes that are looked at, from 1 on.
MOST_SIZES = 1024
#: What looking at a million combinations of sizes may take, in layers that are read: some seconds.
_MOST_EFFORT = 30_000


class Sizes(NamedTuple):
    """The sizes of an input's spatial axes that work.

    axes      for each axis those that work, with some size of the others
    whole     for each axis those of them at which no window drops a row that an upsampling misses
    product   whether any combination of these works; None if that was not looked at
    together  those that work on all axes at once
    """

    axes: tuple[SizeSet, ...]
    whole: tuple[SizeSet, ...]
    product: bool | None
    together: SizeSet


def sizes(
    spec: Spec,
    args: Mapping[str, object] | None = None,
    *,
    most: int = MOST_SIZES,
    max_layers: int = MOST_LAYERS,
) -> Sizes:
    """The sizes from 1 to `most` that work; of three axes each with the file's sizes of the others.

    Raises ConvcalcError where the input has no spatial axis.
    """
    axes = min(spec.ranks.values()) - 1
    if axes < 1:
        raise refused("bad-option", "the input has no spatial sizes")
    names = [f"{IN_SIZE}[{axis}]" for axis in range(axes)]
    options: dict[str, Any] = {"args": args, "max_layers": max_layers}
    product: bool | None = None
    if axes == 2:
        valid, lost = _looked(spec, names, most, options)
        valid, lost = valid.reshape(most, most), lost.reshape(most, most)
        found = [(valid.any(axis=1), _none_lost(valid, lost)), (valid.any(axis=0),)]
        found[1] = (valid.any(axis=0), _none_lost(valid.T, lost.T))
        product = bool((valid == np.logical_and.outer(found[0][0], found[1][0])).all())
    else:
        found = []
        for name in names:
            valid, lost = _looked(spec, [name], most, options)
            found.append((valid, valid & (lost == 0)))
        product = True if axes == 1 else None
    together, _ = _looked(spec, [IN_SIZE], most, options)
    return Sizes(
        tuple([pattern(works) for works, _ in found]),
        tuple([pattern(clean) for _, clean in found]),
        product,
        pattern(together),
    )


def _none_lost(valid: Column, lost: Column) -> Column:
    """The sizes of the first axis with which at some size of the other nothing is dropped."""
    return np.asarray((valid & (lost == 0)).any(axis=1))


def _looked(
    spec: Spec, names: list[str], most: int, options: Mapping[str, Any]
) -> tuple[Column, Column]:
    """Which combinations of sizes work, and how many positions are dropped with them."""
    variables = [Variable(name, range(1, most + 1)) for name in names]
    combinations = most ** len(names)
    effort = _MOST_EFFORT * max(1, combinations >> 20)
    engine = Engine(spec, variables, [LOST], **options, most_effort=effort)
    numbers = np.arange(combinations)
    indices = []
    for _ in names:
        indices.append(numbers % most)
        numbers = numbers // most
    found = engine.evaluate(indices[::-1])
    return found.valid, found.figures[LOST]


def pattern(works: Column) -> SizeSet:
    """The sizes that work, of those from 1 on, and how they repeat.

    >>> found = pattern(np.array([n > 4 and n % 3 == 0 for n in range(1, 33)]))
    >>> found.smallest, found.period, found.start, found.residues
    (6, 3, 4, (6,))
    """
    most = len(works)
    sizes = tuple((np.flatnonzero(works) + 1).tolist())
    for period in range(1, most // 4 + 1):
        differ = np.flatnonzero(works[:-period] != works[period:])
        start = int(differ[-1]) + 2 if len(differ) else 1
        if start <= most // 2:
            return SizeSet(sizes, period, start, most)
    return SizeSet(sizes, 0, most + 1, most)
