"""The `defaults` of a file: arguments that most layers of a kind have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from convcalc.exchange.decompile.items import Expression, Fused, Item, Value
from convcalc.exchange.decompile.spelling import Speller, usual
from convcalc.layers import KINDS, layer_class
from convcalc.layers.traits import ROLES

#: The least number of lines with a default, and the letters that it must save.
_LEAST_LINES = 3
_LEAST_SAVED = 24


def common_arguments(items: Iterable[Item]) -> dict[str, dict[str, Value]]:
    """The arguments that are worth a default, by kind; each item is a line of the file."""
    counts: dict[str, int] = {}
    given: dict[tuple[str, str], int] = {}
    values: dict[tuple[str, str], Counter[Value]] = {}

    def count(kind: str, args: dict[str, Value]) -> None:
        counts[kind] = counts.get(kind, 0) + 1
        for name, value in args.items():
            given[kind, name] = given.get((kind, name), 0) + 1
            if not isinstance(value, (Item, Expression)):
                values.setdefault((kind, name), Counter())[value] += 1

    for item in items:
        if item.kind not in KINDS:
            continue
        if item.branches is None:
            count(item.kind, item.args)
        for role in ROLES:
            fused = item.args.get(role)
            if isinstance(fused, Fused):
                count(fused.kind, dict(fused.args))
    speller = Speller({}, {}, {})
    found: dict[str, dict[str, Value]] = {}
    for (kind, name), counted in values.items():
        declared = layer_class(kind).fields.get(name)
        value, times = counted.most_common(1)[0]
        absent = counts[kind] - given[kind, name]
        saved = times * (len(name) + 4 + len(speller.value(value)))
        lost = 0
        if absent:
            if declared is not None and declared.default is None:
                continue  # what is left out follows from others
            otherwise = len(speller.value(usual(kind, name)))
            lost = absent * (len(name) + 4 + otherwise)
        enough = times >= _LEAST_LINES and 2 * times > counts[kind]
        head = (
            declared is not None
            and declared.required
            and name == next(iter(layer_class(kind).fields))
        )
        if not head and enough and saved - lost >= _LEAST_SAVED:
            found.setdefault(kind, {})[name] = value
    for kind, args in found.items():
        order = [*layer_class(kind).fields, *ROLES]
        found[kind] = {name: args[name] for name in order if name in args}
    return {kind: found[kind] for kind in KINDS if kind in found}
