"""The closed form of a metric: a formula for each set of variants for which the same is decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from convcalc.explore.engine import Engine
from convcalc.explore.figures import LARGEST
from convcalc.explore.variables import Variable
from convcalc.language.building.evaluation import MOST_LAYERS
from convcalc.language.building.spec import Spec
from convcalc.polynomials import Guard, Polynomial, expanded
from convcalc.quantities import DEFAULT_DTYPE
from convcalc.transform.whatif import WhatIf

#: Points at which pieces are looked for.
_POINTS = 2_000


class Piece(NamedTuple):
    """A formula, and where it holds.

    guards      what is decided there, in few words
    candidates  polynomials, of which the largest is the metric; mostly there is one
    code        what is wrong with the variants, where they are no networks
    points      how many of those that were looked at
    """

    guards: tuple[Guard, ...]
    candidates: tuple[Any, ...]
    code: str
    points: int


def formula(
    spec: Spec,
    metric: str,
    variables: Sequence[Variable],
    *,
    own: Sequence[int] | None = None,
    args: Mapping[str, object] | None = None,
    what_if: WhatIf | None = None,
    dtype: str = DEFAULT_DTYPE,
    max_layers: int = MOST_LAYERS,
) -> list[Piece]:
    """The formulas of a metric in what varies; the one that most points have comes first.

    own  the number of each variable's value at the one point whose formula is wanted; else those
         at many points are

    Where no formula can be found, the piece has neither candidates nor a code.
    """
    options: dict[str, Any] = {"args": args, "what_if": what_if}
    engine = Engine(spec, variables, [metric], **options, dtype=dtype, max_layers=max_layers)
    if own is not None:
        points = [np.array([place]) for place in own]
    else:
        random = np.random.default_rng(0)
        points = [
            np.concatenate([[0, len(v) - 1], random.integers(0, len(v), _POINTS - 2)])
            for v in variables
        ]
    found: list[Piece] = []
    for trace, leaf, count in engine.formulas(points):
        candidates: tuple[Any, ...] = ()
        if leaf.result is not None:
            largest = metric in LARGEST
            candidates = tuple(leaf.result.largest[0] if largest else leaf.result.sums[:1])
        found.append(Piece(simplified(trace.guards), candidates, leaf.code, count))
    return sorted(found, key=lambda piece: (not piece.candidates, -piece.points))


def simplified(guards: Sequence[Guard]) -> tuple[Guard, ...]:
    """The same conditions: of several on one quantity the strongest, and no quotient alone.

    floor(p / b) is at least k just where p is at least b*k.
    """
    least: dict[Any, int] = {}
    most: dict[Any, int] = {}
    others: list[Guard] = []
    for guard in guards:
        if guard.kind != "negative":
            others.append(guard)
            continue
        # v + c >= 0, or v + c < 0, where v has no constant.
        constant = guard.of.terms.get((), 0)
        value, bound = expanded(guard.of - constant), -constant
        bound -= 1 if guard.outcome else 0
        sign = 1
        if (
            isinstance(value, Polynomial)
            and min(value.terms.values()) < 0
            and len(value.terms) == 1
        ):
            value, bound, sign = -value, -bound, -1
        at_least = bool(guard.outcome) != (sign == 1)
        value, bound = _without_quotient(value, bound, at_least=at_least)
        if not isinstance(value, Polynomial):
            continue
        if at_least:
            least[value] = max(bound, least.get(value, bound))
        else:
            most[value] = min(bound, most.get(value, bound))
    found = [
        Guard("negative", value - bound, False)
        for value, bound in least.items()
        if bound > value.low
    ]
    found += [
        Guard("negative", value - (bound + 1), True)
        for value, bound in most.items()
        if bound < value.high
    ]
    return (*found, *dict.fromkeys(others))


def _without_quotient(value: Any, bound: int, *, at_least: bool) -> tuple[Any, int]:
    """The same bound on what a quotient divides, and without a constant."""
    while isinstance(value, Polynomial) and len(value.terms) == 1:
        ((monomial, factor),) = value.terms.items()
        atom = value.space.atoms[monomial[0]]
        whole = len(monomial) == 1 and factor > 0 and atom.operation == "quotient"
        if not whole or isinstance(atom.operands[1], Polynomial):
            break
        # factor*q >= bound just where q >= ceil(bound / factor), and likewise for <=.
        bound = -(-bound // factor) if at_least else bound // factor
        above, below = atom.operands
        value = expanded(above)
        bound = bound * below if at_least else bound * below + below - 1
        if isinstance(value, Polynomial):
            constant = value.terms.get((), 0)
            value, bound = value - constant, bound - constant
    return value, bound
