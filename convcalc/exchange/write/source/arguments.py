"""The arguments of a class: what differs between its blocks, and what is made of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from convcalc.exchange.write.source.operations import Operation
from convcalc.exchange.write.source.parts import (
    ABSENT,
    Class,
    Expression,
    Parameter,
    Part,
    Source,
    identifier,
    same_value,
    source_of,
)
from convcalc.exchange.write.source.tree import Item, Ref

#: The arguments of an item, in one block.
Values = Callable[[Item], Mapping[str, Any]]
#: The most arguments of which others are made.
_MOST_CANDIDATES = 40
#: The largest factor between two arguments.
_LARGEST_FACTOR = 64


def solve(made: Class, values: Values, channels: Callable[[Ref], int]) -> None:
    """Finds the arguments of a class, and what each of its parts makes of them."""
    made.entering = Parameter("in_channels", [channels(one.inputs[0]) for one in made.blocks])
    # What every block has decides, before what some have.
    for part in sorted(made.parts, key=lambda part: None in part.present):
        names: dict[str, None] = {}
        rows = [{} if item is None else values(item) for item in part.present]
        for row in rows:
            names.update(dict.fromkeys(row))
        for name in names:
            column: list[Any] = [row.get(name, ABSENT) for row in rows]
            part.values[name] = _expression(made, part, name, column)
    for part in made.parts:
        _solve_count(made, part)
        if None in part.present and not part.repeats:
            part.condition = _condition(made, part, [one is not None for one in part.present])
    for parameter in made.parameters:
        _find_default(made, parameter)


def _solve_count(made: Class, part: Part) -> None:
    """How often a part is there, together with an equal one before it."""
    if not part.repeats:
        return
    place = made.parts.index(part)
    before = made.parts[place - 1] if place else None
    more = 1 if before is not None and before.key == part.key and not before.repeats else 0
    counts: list[Any] = [more if item is None else item.count + more for item in part.present]
    count = _expression(made, part, "depth", counts)
    if more:
        less = f"{count} - 1"
        count = Expression(constant=counts[0] - 1) if count.is_constant else Expression(less)
    part.count = count


def simplify(made: Class) -> None:
    """Leaves out padding by nothing."""
    moved: dict[int, Source] = {}
    kept: list[Part] = []

    def resolved(source: Source) -> Source:
        if source[0] == "in":
            return source
        return moved[source[0]] if source[0] in moved else (places[source[0]], source[1])

    places: dict[int, int] = {}
    for place, part in enumerate(made.parts):
        part.sources = [resolved(source) for source in part.sources]
        values = [part.values.get(name) for name in ("padding", "cropping")]
        empty = any(value is not None and str(value) == "0" for value in values)
        moves = isinstance(part.body, Operation) and part.body.kind in ("pad", "crop")
        if moves and empty and len(made.parts) > 1:
            moved[place] = part.sources[0]
            continue
        if part.same is not None:
            part.same = places[part.same]
        places[place] = len(kept)
        kept.append(part)
    if any(source[0] == "in" for source in map(resolved, made.results)) or not kept:
        return
    made.results = [resolved(source) for source in made.results]
    made.parts = kept


def _known(column: Sequence[Any]) -> list[Any]:
    return [value for value in column if value is not ABSENT]


def _expression(made: Class, part: Part, name: str, column: list[Any]) -> Expression:
    known = _known(column)
    if not known:
        return Expression(constant=None)
    if all(same_value(value, known[0]) for value in known):
        return Expression(constant=known[0])
    for parameter in _candidates(made, name):
        pairs = [
            (theirs, ours)
            for theirs, ours in zip(parameter.column, column, strict=True)
            if ours is not ABSENT
        ]
        if all(theirs is not ABSENT and same_value(theirs, ours) for theirs, ours in pairs):
            _use(made, parameter)
            return Expression(parameter.name)
    derived = _derived(made, name, column)
    if derived:
        return Expression(derived)
    parameter = Parameter(_free_name(made, part, name), column)
    made.parameters.append(parameter)
    return Expression(parameter.name)


#: Arguments that say how wide something is, and so may follow from each other.
_WIDTHS = ("channels", "features", "units", "size", "groups", "heads", "shape")


def _candidates(made: Class, name: str) -> list[Parameter]:
    """The arguments of which another may be made."""
    entering = made.entering
    candidates = made.parameters[:_MOST_CANDIDATES]
    if entering is None or entering in candidates or not name.endswith(_WIDTHS):
        return candidates
    return [entering, *candidates]


def _use(made: Class, parameter: Parameter) -> None:
    """Makes the channels that enter an argument, the first one."""
    if parameter is made.entering and parameter not in made.parameters:
        made.parameters.insert(0, parameter)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _derived(made: Class, name: str, column: Sequence[Any]) -> str:
    """The column made of the arguments that there are; "" if it cannot be."""
    if not all(_whole(value) for value in _known(column)):
        return ""
    usable = []
    candidates = {parameter.name: parameter for parameter in _candidates(made, name)}
    for parameter in candidates.values():
        pairs = list(zip(parameter.column, column, strict=True))
        if all(ours is ABSENT or _whole(theirs) for theirs, ours in pairs):
            usable.append(
                (parameter.name, [theirs for theirs, ours in pairs if ours is not ABSENT])
            )
    known = _known(column)
    for other, values in usable:
        if name == "padding" and other.endswith("kernel_size"):
            if all(value // 2 == ours for value, ours in zip(values, known, strict=True)):
                return f"{other} // 2"
        if 0 in values or 0 in known:
            continue
        factor, rest = divmod(known[0], values[0])
        if not rest and factor <= _LARGEST_FACTOR:
            if all(value * factor == ours for value, ours in zip(values, known, strict=True)):
                _use(made, candidates[other])
                return f"{factor} * {other}"
        divisor, rest = divmod(values[0], known[0])
        if not rest and divisor <= _LARGEST_FACTOR:
            if all(ours * divisor == value for value, ours in zip(values, known, strict=True)):
                _use(made, candidates[other])
                return f"{other} // {divisor}"
    for place, (first, ones) in enumerate(usable):
        for second, others in usable[place + 1 :]:
            both = list(zip(ones, others, known, strict=True))
            for sign in (1, -1):
                if all(a + sign * b == ours for a, b, ours in both):
                    _use(made, candidates[first])
                    return f"{first} {'+' if sign > 0 else '-'} {second}"
    return ""


_NAMES = {"out_channels": "channels", "out_features": "units", "num_features": "channels"}


def _free_name(made: Class, part: Part, name: str) -> str:
    taken = {parameter.name for parameter in made.parameters}
    base = name if made.unit else _NAMES.get(name, name)
    if name == "in_channels":
        # Those that enter the class have this name.
        base = "hidden_channels"
    if base not in taken:
        return base
    own = f"{_part_word(part)}_{base}"
    number = 2
    found = own
    while found in taken:
        found = f"{own}{number}"
        number += 1
    return found


def _part_word(part: Part) -> str:
    """What a part is called among the arguments: by its block, its branch, or its kind."""
    *_, branch, own = ("", "", *part.name.split("."))
    named = isinstance(part.body, Class) and not part.body.unit
    word = own if named or not branch or branch[-1].isdigit() else branch
    return identifier(word.rstrip("0123456789") or word)


def _condition(made: Class, part: Part, present: Sequence[bool]) -> str:
    """When a part is there, from the arguments if they decide it."""
    tests: list[tuple[str, list[bool]]] = []
    entering = [] if made.entering in made.parameters else [made.entering]
    whole = [
        parameter
        for parameter in (*entering, *made.parameters[:_MOST_CANDIDATES])
        if parameter is not None and all(_whole(value) for value in parameter.column)
    ]
    tests += [
        (f"{parameter.name} > 1", [value > 1 for value in parameter.column])
        for parameter in whole
        if "stride" in parameter.name
    ]
    for place, first in enumerate(whole):
        for second in whole[place + 1 :]:
            pairs = list(zip(first.column, second.column, strict=True))
            tests.append((f"{first.name} != {second.name}", [a != b for a, b in pairs]))
            if max(b for _, b in pairs) and all(
                not b or a % b == 0 or b % a == 0 for a, b in pairs if a
            ):
                for factor in (2, 4):
                    found = [a != factor * b for a, b in pairs]
                    tests.append((f"{first.name} != {factor} * {second.name}", found))
    wanted = list(present)

    def used(condition: str) -> str:
        if made.entering is not None and "in_channels" in condition:
            _use(made, made.entering)
        return condition

    for text, found in tests:
        if found == wanted:
            return used(text)
        if [not one for one in found] == wanted:
            return used(_opposite(text))
    for text, found in tests[:40]:
        for other, more in tests[:40]:
            if text != other:
                either = [a or b for a, b in zip(found, more, strict=True)]
                if either == wanted:
                    return used(f"{text} or {other}")
                if [not one for one in either] == wanted:
                    return used(f"{_opposite(text)} and {_opposite(other)}")
    base = _part_word(part)
    taken = {parameter.name for parameter in made.parameters}
    name = next(
        text
        for text in (
            base,
            identifier(part.name.replace(".", "_")),
            *map("with{}".format, range(99)),
        )
        if text not in taken
    )
    made.parameters.append(Parameter(name, wanted))
    return name


def _opposite(text: str) -> str:
    return text.replace(" != ", " == ") if " != " in text else text.replace(" > ", " == ")


def _find_default(made: Class, parameter: Parameter) -> None:
    """An argument may be left out if it is a flag, or its parts mostly leave it out as well."""
    known = _known(parameter.column)
    counts = Counter([source_of(value) for value in known])
    usual = next(value for value in known if source_of(value) == counts.most_common(1)[0][0])
    if len(known) < len(parameter.column) or isinstance(usual, bool):
        parameter.default = usual
    for part in made.parts:
        for name, value in part.values.items():
            if value.text != parameter.name:
                continue
            default = ABSENT
            if isinstance(part.body, Operation):
                default = part.body.defaults.get(name, ABSENT)
            else:
                default = next(p.default for p in part.body.parameters if p.name == name)
            if any(same_value(one, default) for one in known):
                parameter.default = default
    if parameter.default is not ABSENT:
        parameter.column = [
            parameter.default if value is ABSENT else value for value in parameter.column
        ]
