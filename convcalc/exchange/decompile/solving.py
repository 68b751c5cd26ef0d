"""From a template to a block: which numbers are arguments, and what follows from them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import TypeAlias

from convcalc.exchange.decompile.items import (
    INPUT,
    Argument,
    Branch,
    Copies,
    Expression,
    Fused,
    Guarded,
    Item,
    Value,
)
from convcalc.exchange.decompile.naming import RESERVED, Namer, words
from convcalc.exchange.decompile.spelling import Block, same, usual
from convcalc.exchange.decompile.templates import BranchSlot, Slot
from convcalc.layers.traits import ROLES
from convcalc.shapes import Shape

#: One value for each sequence; None where it does not matter.
Column: TypeAlias = "list[Value]"

#: Arguments that are numbers of channels, and what each is called as an argument of a block.
_CHANNELS = {
    "channels": "channels",
    "units": "channels",
    "groups": "groups",
    "heads": "heads",
    "shape": "channels",
}
#: Arguments that are about windows: they are expressed by each other.
_WINDOWS = ("kernel", "padding", "dilation", "window", "shift", "size", "factor")
#: Expressions that mean the same in every block.
_OPEN = re.compile(r"(?:[0-9*/+() ,-]|in_channels|divisible|max)+\Z")
#: What divides or multiplies a number to make another.
_FACTORS = range(2, 65)
_SHARES = (2, 3, 4, 6, 8, 12, 16, 24)


class Unsolved(Exception):
    """The sequences of a template cannot be calls of one block."""


class Occurrence:
    """A sequence that becomes a call.

    items     its layers
    before    the item whose value enters it; None where none does
    entering  that value's shape
    """

    __slots__ = ("before", "entering", "items")

    def __init__(self, items: list[Item], before: Item | None, entering: Shape) -> None:
        self.items = items
        self.before = before
        self.entering = entering


class Solved:
    """A block, its names and the arguments of its calls."""

    __slots__ = ("block", "calls", "names")

    def __init__(self, block: Block, names: dict[Item, str], calls: list[dict[str, Value]]) -> None:
        self.block = block
        self.names = names
        self.calls = calls


class Solver:
    """Finds the arguments of a block.

    name         of the block
    slots        the template of its calls
    occurrences  these
    blocks       those that there are already
    ratios       whether a number of channels may be an argument times those that enter
    """

    def __init__(
        self,
        name: str,
        slots: list[Slot],
        occurrences: Sequence[Occurrence],
        blocks: Mapping[str, Block],
        *,
        ratios: bool = True,
    ) -> None:
        self.name = name
        self.ratios = ratios
        self.found_ratios = False
        self.blocks = blocks
        self.slots = slots
        self.occurrences = occurrences
        self.count = len(occurrences)
        self.taken = {*blocks, name}
        self.columns: dict[str, Column] = {}
        #: Whether an argument is a number of channels, is about windows, or neither.
        self.sorts: dict[str, str] = {}
        self.presets: dict[str, Value] = {}
        self.entry: Column = [o.entering[0] if o.entering else None for o in occurrences]
        #: The slot of each layer, for each sequence: one may refer to layers of another.
        self.slot_of: list[dict[Item, Slot]] = [{} for _ in occurrences]
        self.made: dict[Slot, Item] = {}
        self.input = Item(INPUT, {}, (), "")
        self.stand_ins: dict[str, Item] = {}
        self.tasks: list[tuple[int, int, Callable[[], None]]] = []
        self.names: dict[Item, str] = {}
        self.hints: dict[Slot, str] = {}

    def solve(self) -> Solved:
        """The block and its calls; raises Unsolved."""
        self._find_slots(self.slots)
        self._find_hints(self.slots)
        every = (True,) * self.count
        body = self._body(self.slots, list(self.entry), every, first=True)
        self._out_channels()
        for _, _, task in sorted(self.tasks, key=lambda found: found[:2]):
            task()
        return self._finished(body)

    def _find_slots(self, slots: Sequence[Slot]) -> None:
        for slot in slots:
            for number, item in enumerate(slot.items):
                if item is not None:
                    self.slot_of[number][item] = slot
            for branch in slot.branches or ():
                self._find_slots(branch.slots or ())
            self._find_slots(slot.body or ())

    # The layers of the body.

    def _body(
        self,
        slots: Sequence[Slot],
        flow: Column,
        around: tuple[bool, ...],
        *,
        first: bool = False,
    ) -> list[Item]:
        """The items of a sequence.

        flow    the channels that enter it
        around  which calls have the sequence at all
        first   whether it is that of the block
        """
        body: list[Item] = []
        for place, slot in enumerate(slots):
            if slot.body is not None:
                body += self._body(slot.body, flow, slot.present)
                self.made[slot] = body[-1]
                continue
            body.append(self._layer(slot, flow, around, first=first and place == 0))
        return body

    def _layer(self, slot: Slot, flow: Column, around: tuple[bool, ...], *, first: bool) -> Item:
        """The item of a slot; its arguments are found later, those of all layers together."""
        one = slot.one()
        # What it reads and makes differs from call to call.
        item = Item(slot.kind, {}, (), one.path)
        item.labels = slot.labels
        self.made[slot] = item
        entering = [
            i.entering[0] if i is not None and i.entering else flow[n]
            for n, i in enumerate(slot.items)
        ]
        self._arguments(slot, item, entering)
        if not first:
            self._source(slot, item)
        if one.share is not None:
            item.share = self._inner(slot)
        if slot.branches is not None:
            item.branches = [self._branch(branch, slot, entering, item) for branch in slot.branches]
        if slot.present != around:
            self._conditional(slot, item, entering)
        for n, i in enumerate(slot.items):
            if i is not None:
                flow[n] = i.shape[0] if i.shape else None
        return item

    def _arguments(self, slot: Slot, item: Item, entering: Column) -> None:
        present = [i for i in slot.items if i is not None]
        names = list(dict.fromkeys([name for i in present for name in i.args]))
        full = all(slot.present)
        if any(i.repeat is not None and i.shape[:1] != i.entering[:1] for i in present):
            # Other channels enter the further copies.
            entering = [None] * self.count
        for name in sorted(names, key=lambda n: _WINDOWS.index(n) if n in _WINDOWS else -1):
            column = [None if i is None else self._given(i, name) for i in slot.items]

            def task(name: str = name, column: Column = column) -> None:
                value = self._value(slot, name, column, entering)
                block = self.blocks.get(slot.kind)
                otherwise = block.presets.get(name) if block else usual(slot.kind, name)
                if not same(value, otherwise):
                    item.args[name] = value

            self.tasks.append((2 - (name == "stride") - full, len(self.tasks), task))
        if present[0].repeat is not None:
            column = [None if i is None else i.repeat for i in slot.items]

            def repeated(column: Column = column) -> None:
                item.repeat = self._found(column, "depth", "repeat", entering)

            self.tasks.append((3, len(self.tasks), repeated))
        for name in present[0].first:
            column = [None if i is None else i.first[name] for i in slot.items]

            def different(name: str = name, column: Column = column) -> None:
                item.first[name] = self._value(slot, name, column, entering)

            self.tasks.append((2, len(self.tasks), different))

    def _given(self, item: Item, name: str) -> Value:
        """An argument of one of the layers, whether it is written or follows."""
        if name in item.args:
            return item.args[name]
        if name in ROLES:
            return "none"
        block = self.blocks.get(item.kind)
        if block is not None:
            preset = block.presets[name]
            if isinstance(preset, Expression):
                raise Unsolved
            return preset
        value = usual(item.kind, name)
        if value is None and name == "stride":
            value = item.args["kernel"]
        if value is None:
            raise Unsolved
        return value

    def _source(self, slot: Slot, item: Item) -> None:
        sources = [i.source for i in slot.items if i is not None]
        if any(source is not None for source in sources):
            item.source = self._reference(
                [i.source if i is not None else None for i in slot.items], slot.present
            )

    def _inner(self, slot: Slot) -> Item:
        """The layer of the body whose parameters those of a slot use."""
        pairs = [(n, i.share) for n, i in enumerate(slot.items) if i is not None]
        slots = {self.slot_of[n].get(share) if share is not None else None for n, share in pairs}
        (found,) = slots if len(slots) == 1 else (None,)
        if found is None or found not in self.made:
            raise Unsolved
        return self._named(self.made[found])

    def _named(self, item: Item) -> Item:
        self.names.setdefault(item, "")
        return item

    def _reference(self, targets: Sequence[Item | None], present: Sequence[bool]) -> Item:
        """What a name in the body stands for: a layer of it, what enters, or an argument."""
        pairs = [(n, t) for n, t in enumerate(targets) if present[n]]
        if any(target is None for _, target in pairs):
            raise Unsolved
        slots = {self.slot_of[n].get(target) for n, target in pairs if target is not None}
        if None not in slots:
            if len(slots) != 1:
                raise Unsolved
            (found,) = slots
            if found is None or found not in self.made:
                raise Unsolved
            return self._named(self.made[found])
        if len(slots) > 1:
            raise Unsolved
        if all(target is self.occurrences[n].before for n, target in pairs):
            return self.input
        column: Column = [target if present[n] else None for n, target in enumerate(targets)]
        for name, other in self.columns.items():
            if self.sorts[name] == "layer" and self._agree(column, other):
                return self.stand_ins[name]
        name = self._add("skip", column, "layer")
        self.stand_ins[name] = Item(INPUT, {}, (), "")
        self.names[self.stand_ins[name]] = name
        return self.stand_ins[name]

    def _branch(self, branch: BranchSlot, slot: Slot, flow: Column, join: Item) -> Branch:
        present = branch.present
        if branch.slots is None:
            named = self._reference(branch.targets, present)
            made: list[Item] | Item | Copies = Copies(named) if branch.copies else named
            if branch.copies and (named is self.input or named in self.stand_ins.values()):
                raise Unsolved  # a block is handed one layer, and not all copies of one
        else:
            made = self._body(branch.slots, list(flow), tuple(present))
        if tuple(present) == slot.present:
            return made
        guarded = Guarded(made)

        def task() -> None:
            mask = [p if i is not None else None for p, i in zip(present, slot.items, strict=True)]
            guarded.when = self._condition(mask, flow, "shortcut")

        self.tasks.append((4, len(self.tasks), task))
        return guarded

    def _conditional(self, slot: Slot, item: Item, entering: Column) -> None:
        kinds = {inner.kind for inner in _inner_items(slot)}
        hint = "extra"
        if slot.kind == "mul" and ("global_avgpool" in kinds or "adaptive_avgpool" in kinds):
            hint = "squeeze"
        elif slot.kind in ("conv", "dense"):
            hint = "expand"

        def task() -> None:
            item.when = self._condition(list(slot.present), entering, hint)

        self.tasks.append((4, len(self.tasks), task))

    # Values.

    def _value(self, slot: Slot, name: str, column: Column, entering: Column) -> Value:
        """The value of an argument in the body."""
        known = [value for value in column if value is not None]
        if any(isinstance(value, Item) for value in known):
            return self._reference(column, slot.present)
        if not _scoped(known[0]) and all(same(value, known[0]) for value in known):
            return known[0] if not (name in ROLES and known[0] == "none") else None
        if name in ROLES:
            if any(isinstance(value, Fused) and value.args for value in known):
                raise Unsolved
            column = [v.kind if isinstance(v, Fused) else v for v in column]
            return self._found(column, "act" if name == "activation" else name, name, entering)
        lists = [value for value in known if isinstance(value, tuple)]
        if lists:
            if len(lists) < len(known) or len({len(value) for value in lists}) > 1:
                raise Unsolved
            if any(isinstance(entry, tuple) for value in lists for entry in value):
                raise Unsolved
            entries = []
            for place in range(len(lists[0])):
                part = [None if value is None else value[place] for value in column]
                entries.append(
                    self._found(part, self._hint(slot, name), self._sort(slot, name), entering)
                )
            return tuple(entries)
        return self._found(column, self._hint(slot, name), self._sort(slot, name), entering)

    def _sort(self, slot: Slot, name: str) -> str:
        """What an argument is: those of one sort are expressed by each other."""
        block = self.blocks.get(slot.kind)
        if block is not None:
            return block.sorts[name]
        if name in _CHANNELS:
            return "channels"
        return "window" if name in _WINDOWS else name

    def _hint(self, slot: Slot, name: str) -> str:
        """What an argument is called as one of the block."""
        if name in ("channels", "units") and slot in self.hints:
            return self.hints[slot]
        return _CHANNELS.get(name, name)

    def _find_hints(self, slots: Sequence[Slot]) -> None:
        """Finds what numbers of channels are called, by where in the block their layers stand."""
        pooled = False
        for place, slot in enumerate(slots):
            behind = slots[place + 1].kind if place + 1 < len(slots) else ""
            if slot.kind in ("conv", "dense") and place + 1 < len(slots):
                self.hints[slot] = "expanded" if behind == "depthwise" else "hidden"
                if pooled:
                    self.hints[slot] = "reduced"
            pooled = pooled or slot.kind in ("global_avgpool", "adaptive_avgpool")
            lists = [branch.slots for branch in slot.branches or () if branch.slots]
            for inner in lists:
                self._find_hints(inner)
            if slot.kind == "concat" and len(lists) > 2:
                for inner in lists:
                    self._name_branch(inner)
            self._find_hints(slot.body or ())

    def _name_branch(self, slots: Sequence[Slot]) -> None:
        """The names for the layers of one of many branches: by the size of their windows."""
        windows = [slot for slot in slots if slot.kind in ("conv", "dense")]
        kernels = [slot.one().args.get("kernel") for slot in windows]
        sizes = [max(k) if isinstance(k, tuple) else k for k in kernels]
        size = max([k for k in sizes if type(k) is int], default=1)
        stem = "c_pool" if any(slot.kind.endswith("pool") for slot in slots) else f"c{size}"
        for slot in windows[:-1]:
            self.hints[slot] = f"{stem}_reduced"
        for slot in windows[-1:]:
            self.hints[slot] = stem

    def _found(self, column: Column, hint: str, sort: str, entering: Column) -> Value:
        """A constant, an expression of what is known, or a new argument."""
        known = [value for value in column if value is not None]
        if not _scoped(known[0]) and all(same(value, known[0]) for value in known):
            return known[0]
        numbers = all(type(value) is int for value in known)
        if any(isinstance(value, Expression) and "in_channels" in value for value in known):
            raise Unsolved  # what enters the call is not what enters the layer
        for other, values in self.columns.items():
            if self.sorts[other] == sort and self._agree(column, values):
                return Expression(other)
        if numbers and sort == "channels":
            expression = self._related(column, [("in_channels", entering), *self._channels()])
            if expression:
                return Expression(expression)
        if numbers and sort == "window":
            expression = self._related(
                column,
                [(n, c) for n, c in self.columns.items() if self.sorts[n] == sort],
            )
            if expression:
                return Expression(expression)
        preset = ""
        if numbers and sort == "channels" and all(type(v) is int for v in self.entry):
            preset = self._related(column, [("in_channels", self.entry), *self._channels()])
            ratios = [] if preset or not self.ratios else self._ratios(column)
            if ratios:
                self.found_ratios = True
                hint, preset = "inner", f"{self._add('expand', ratios, 'ratio')}*in_channels"
        found = self._add(hint, column, sort)
        if preset:
            self.presets[found] = Expression(preset)
        return Expression(found)

    def _channels(self) -> list[tuple[str, Column]]:
        return [(n, c) for n, c in self.columns.items() if self.sorts[n] == "channels"]

    def _agree(self, column: Column, other: Column) -> bool:
        """Whether an argument has these values, where they matter; makes it have them."""
        pairs = [(n, v) for n, v in enumerate(column) if v is not None]
        if any(other[n] is not None and not same(_figure(other[n]), _figure(v)) for n, v in pairs):
            return False
        if not any(other[n] is not None for n, _ in pairs):
            return False
        for n, value in pairs:
            if not isinstance(other[n], Argument):
                other[n] = value
        return True

    def _related(self, column: Column, bases: Sequence[tuple[str, Column]]) -> str:
        """An expression of one of some columns that has these values; "" where none has."""
        places = [n for n, value in enumerate(column) if value is not None]
        usable = [
            (name, base)
            for name, base in bases
            if all(type(base[n]) is int and base[n] > 0 for n in places)
        ]
        for name, base in usable:
            if all(column[n] == base[n] for n in places):
                return name
        for name, base in usable:
            first, value = base[places[0]], column[places[0]]
            if value > 0 and value % first == 0 and value // first in _FACTORS:
                factor = value // first
                if all(column[n] == factor * base[n] for n in places):
                    return f"{factor}*{name}"
            for share in _SHARES:
                if all(column[n] == base[n] // share for n in places):
                    return f"{name}//{share}"
        for name, base in usable:
            for share in _SHARES:
                if all(column[n] == _divisible(base[n], share) for n in places):
                    return f"divisible({name}/{share}, 8)"
                if all(column[n] == max(1, base[n] // share) for n in places):
                    return f"max(1, {name}//{share})"
        return ""

    def _ratios(self, column: Column) -> Column:
        """How many times the channels that enter the block these are, where that is simpler."""
        pairs = list(zip(column, self.entry, strict=True))
        if any(value is None or value % entry for value, entry in pairs):
            return []
        ratios: Column = [value // entry for value, entry in pairs]
        simpler = 2 * len(set(ratios)) <= len(set(column))
        return ratios if simpler and max(ratios) in (1, *_FACTORS) else []

    def _add(self, hint: str, column: Column, sort: str) -> str:
        """A new argument with these values; its name."""
        number, name = 2, hint
        while name in self.columns or name in RESERVED or name in self.taken:
            name = f"{hint}{number}"
            number += 1
        self.columns[name] = list(column)
        self.sorts[name] = sort
        return name

    def _out_channels(self) -> None:
        """Makes the channels that leave the block its first argument, where some layer has them."""
        if not all(o.items[-1].shape for o in self.occurrences):
            return
        column: Column = [o.items[-1].shape[0] for o in self.occurrences]
        if len(set(column)) == 1 or column == self.entry:
            return
        for slot in reversed(list(self.made)):
            for name in ("channels", "units"):
                values = [i.args.get(name) if i is not None else None for i in slot.items]
                if values == column and not self.hints.get(slot, "").startswith("c"):
                    self._add("channels", column, "channels")
                    return

    # Conditions.

    def _condition(self, mask: Column, entering: Column, hint: str) -> str:
        """When layers are there: an expression that is true in these sequences alone."""
        places = [n for n, value in enumerate(mask) if value is not None]
        wanted = [bool(mask[n]) for n in places]
        tests: list[tuple[str, list[bool]]] = []

        def test(text: str, values: Sequence[bool]) -> None:
            if list(values) not in [found for _, found in tests]:
                tests.append((text, list(values)))

        for name, column in self.columns.items():
            values = [column[n] for n in places]
            if all(type(value) is bool for value in values):
                test(name, values)
                test(f"not {name}", [not value for value in values])
            elif all(type(value) is int for value in values):
                if name.startswith("stride"):
                    test(f"{name} > 1", [value > 1 for value in values])
                    test(f"{name} == 1", [value == 1 for value in values])
        into = [entering[n] for n in places]
        if all(type(value) is int for value in into):
            for text, column in self._sizes():
                values = [column[n] for n in places]
                if all(type(value) is int for value in values):
                    pairs = list(zip(into, values, strict=True))
                    test(f"in_channels != {text}", [a != b for a, b in pairs])
                    test(f"in_channels == {text}", [a == b for a, b in pairs])
        for text, found in tests:
            if found == wanted:
                return text
        for (one, first), (two, second) in combinations(tests, 2):
            if [a or b for a, b in zip(first, second, strict=True)] == wanted:
                return f"{one} or {two}"
            if [a and b for a, b in zip(first, second, strict=True)] == wanted:
                return f"{one} and {two}"
        for name, column in self.columns.items():
            if self.sorts[name] == "condition" and self._agree(mask, column):
                return name
        return self._add(hint, list(mask), "condition")

    def _sizes(self) -> list[tuple[str, Column]]:
        """The numbers of channels that what enters is compared with."""
        found = self._channels()
        if all(o.items[-1].shape for o in self.occurrences):
            out: Column = [o.items[-1].shape[0] for o in self.occurrences]
            text = self._related(out, found)
            if text:
                found.append((text, out))
        return found

    # The block.

    def _finished(self, body: list[Item]) -> Solved:
        for name, column in self.columns.items():
            counted = Counter(
                [v for v in column if v is not None and not isinstance(v, Item) and not _scoped(v)]
            )
            if name in self.presets:
                continue
            if not counted:
                if None in column:
                    raise Unsolved  # no value of another call may be written in this one
                continue
            value, times = counted.most_common(1)[0]
            missing = column.count(None)
            often = 2 * (times + missing) >= self.count and times > 1
            if self.sorts[name] != "channels" and (often or missing):
                self.presets[name] = value
            elif missing:
                column[:] = [value if entry is None else entry for entry in column]
        required = [name for name in self.columns if name not in self.presets]
        required.sort(key=lambda name: self.sorts[name] == "layer")
        args = [*required, *[name for name in self.columns if name in self.presets]]
        calls = []
        for number in range(self.count):
            given = {}
            for name in args:
                value = self.columns[name][number]
                preset = self.presets.get(name)
                if value is None or isinstance(preset, Expression):
                    continue
                if name not in self.presets or not same(value, preset):
                    given[name] = value
            calls.append(given)
        names = Namer({*args, *self.taken})
        found = {self.input: "input"}
        for item, given_name in self.names.items():
            stems = words(item.path)[:1]
            if item.repeat is not None:
                found[item] = names.name_of_copies(stems)
            else:
                found[item] = given_name or names.name(stems, "x")
        block = Block(self.name, tuple(args), self.presets, body, self.sorts)
        return Solved(block, found, calls)


def _divisible(number: int, share: int) -> int:
    """What `divisible(number/share, 8)` is in the language."""
    nearest = max(8, (number + 4 * share) // (8 * share) * 8)
    return nearest + 8 if 10 * nearest * share < 9 * number else nearest


def _inner_items(slot: Slot) -> list[Slot]:
    found = []
    left = [slot]
    while left:
        one = left.pop()
        found.append(one)
        left += [inner for branch in one.branches or () for inner in branch.slots or ()]
    return found


def _figure(value: Value) -> Value:
    """A value, of an argument of the file what that has."""
    return value.value if isinstance(value, Argument) else value


def _scoped(value: Value) -> bool:
    """Whether a value is an expression of the arguments of the block that it stands in."""
    if isinstance(value, tuple) and not isinstance(value, Fused):
        return any(map(_scoped, value))
    return isinstance(value, Expression) and not _OPEN.match(value)
