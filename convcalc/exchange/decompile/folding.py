"""Blocks and repeats: what occurs several times is written once.

Joins that are alike, and what leads to or follows each of them, become calls of a block; then
sequences of layers that occur again and again; equal calls after each other become one with
`repeat`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping

from convcalc.exchange.decompile.items import (
    Branch,
    Copies,
    Expression,
    Guarded,
    Item,
    inner_item,
    inner_list,
)
from convcalc.exchange.decompile.naming import RESERVED, all_items, words
from convcalc.exchange.decompile.nesting import last_of
from convcalc.exchange.decompile.sharing import Place, SharedLayers, shared_layers
from convcalc.exchange.decompile.solving import Occurrence, Solved, Solver, Unsolved
from convcalc.exchange.decompile.spelling import WIDTH, Block, head_width, same
from convcalc.exchange.decompile.structure import (
    Measures,
    attends,
    common_path,
    contents,
    kernels_fit,
    outline,
    outlines,
    residual,
    skips,
    structure_names,
)
from convcalc.exchange.decompile.templates import Misfit, options, size, template
from convcalc.language.keys import GROUP

#: The most blocks of a file, and the longest sequence of layers that is looked for.
_MOST_BLOCKS = 40
_LONGEST_WINDOW = 8
#: How many layers are looked at in all rounds: those of a long network in a few rounds.
_MOST_LOOKED_AT = 60_000
#: The most optional pieces of a block, the most arguments, and the most layers that it is handed.
_MOST_OPTIONS = 3
_MOST_OPTIONAL = 6
_MOST_ARGUMENTS = 12
_MOST_OF_SEQUENCE = 5
_MOST_LAYERS = 2
#: The lines that a block must save.
_LEAST_SAVED = 2
#: How many kinds of joins are compared with each other to find those that differ in a piece.
_MOST_COMPARED = 40


class Folder:
    """Finds the blocks of a network.

    sequence  its layers, which are changed
    inputs    its inputs
    outputs   its results: the items that are called so in the end
    splits    whether a group of joins that is no block may be split into several
    """

    def __init__(
        self,
        sequence: list[Item],
        inputs: list[Item],
        outputs: list[Item],
        *,
        splits: bool = True,
    ) -> None:
        self.sequence = sequence
        self.splits = splits
        self.was_split = False
        self.inputs = inputs
        self.outputs = outputs
        self.blocks: dict[str, Block] = {}
        self.names: dict[str, dict[Item, str]] = {}
        self.users: dict[Item, list[Item]] = {}
        self.enters: dict[int, Item | None] = {}
        self.measures = Measures()
        #: For each layer the first and the last number of it and the layers inside, and those that
        #: are referred to, by their numbers.
        self.numbers: dict[Item, tuple[int, int]] = {}
        self.referred: list[tuple[int, Item]] = []
        self.refused: set[Hashable] = set()
        self.looked_at = 0
        #: The runs of which a join takes all copies.
        self.copied: set[Item] = set()
        #: Whether joins may be repeated, which would hide them from what makes blocks of them.
        self.joins_repeat = False

    def fold(self) -> None:
        """Makes blocks as long as they save lines."""
        self._fold_shared()
        while self._goes_on() and (
            self._fold_joins() or (self.splits and self._fold_alike_joins())
        ):
            self._repeat()
        self._open()
        self._repeat()
        while self._goes_on() and self._fold_windows():
            self._repeat()
        self.joins_repeat = True
        self._repeat()
        self._ungroup()

    def _goes_on(self) -> bool:
        """Whether there is time for another block: looking at all layers takes some."""
        self.looked_at += sum(map(len, self._sequences()))
        return len(self.blocks) < _MOST_BLOCKS and self.looked_at <= _MOST_LOOKED_AT

    # What there is.

    def _sequences(self) -> Iterator[list[Item]]:
        """All lists of layers: that of the file, those of blocks, branches and regions."""
        left = [self.sequence, *[block.body for block in self.blocks.values()]]
        while left:
            sequence = left.pop()
            yield sequence
            for item in sequence:
                left += [b for b in map(inner_list, item.branches or ()) if b is not None]
                if item.body is not None:
                    left.append(item.body)

    def _look(self) -> None:
        """Finds who refers to what, and what enters each list."""
        self.measures = Measures()
        self._number()
        self.users = {}
        self.enters = {id(self.sequence): self.inputs[0] if len(self.inputs) == 1 else None}
        for sequence in self._sequences():
            before = self.enters.get(id(sequence))
            for item in sequence:
                for target in references(item):
                    self.users.setdefault(target, []).append(item)
                if item.source is not None:
                    before = item.source
                for inner in item.branches or ():
                    listed = inner_list(inner)
                    if listed is not None:
                        self.enters[id(listed)] = before
                if item.body is not None:
                    self.enters[id(item.body)] = before
                before = item
        for item in self.outputs:
            self.users.setdefault(item, []).append(item)
        numbered = [(self.numbers[item][0], item) for item in self.users if item in self.numbers]
        self.referred = sorted(numbered, key=lambda pair: pair[0])

    def _number(self) -> None:
        """Numbers all layers in order, those inside of one after it."""
        self.numbers = {}
        count = 0
        for sequence in (self.sequence, *[block.body for block in self.blocks.values()]):
            left = [(item, -1) for item in reversed(sequence)]
            while left:
                item, first = left.pop()
                if first >= 0:
                    self.numbers[item] = (first, count)
                    continue
                count += 1
                left.append((item, count))
                for branch in item.branches or ():
                    left += [(inner, -1) for inner in reversed(inner_list(branch) or [])]
                left += [(inner, -1) for inner in reversed(item.body or [])]

    def _closed(self, place: Place) -> bool:
        """Whether nothing outside refers to layers inside, but for the last one."""
        first = self.numbers[place.sequence[place.start]][0]
        end = place.sequence[place.start + place.length - 1]
        last = self.numbers[end][1]
        for index in range(bisect_left(self.referred, first, key=_number_of), len(self.referred)):
            number, item = self.referred[index]
            if number > last:
                break
            if item is end or last_of(end) is item:
                continue
            users = [self.numbers[user][0] for user in self.users[item]]
            if item in self.outputs or min(users) < first or max(users) > last:
                return False
        return True

    def _before(self, place: Place) -> Item | None:
        """The item whose value enters."""
        first = place.sequence[place.start]
        if first.source is not None:
            return first.source
        if place.start:
            return place.sequence[place.start - 1]
        return self.enters.get(id(place.sequence))

    # Joins.

    def _fold_joins(self) -> bool:
        """Makes a block of the joins that are most often alike; whether there is one."""
        self._look()
        groups = self._groups()
        for group in groups:
            if len(group) < 2 or self._saved(group) < 1:
                continue
            mark = (
                frozenset([self.measures.wiring(p.items[0]) for p in group]),
                len(group),
            )
            if mark in self.refused:
                continue
            places = self._extended(group)
            if self._extract(places) or (places is not group and self._extract(group)):
                return True
            self.refused.add(mark)
        return False

    def _fold_alike_joins(self) -> bool:
        """Makes a block of joins that are more alike than those of a group that is none."""
        self._look()
        groups = self._groups()
        for key in (self.measures.wiring, contents):
            for group in groups:
                for alike in _split(group, key):
                    mark = frozenset([place.items[0] for place in alike])
                    if mark in self.refused or self._saved(alike) < _LEAST_SAVED:
                        continue
                    if self._extract(alike):
                        self.was_split = True
                        return True
                    self.refused.add(mark)
        return False

    def _groups(self) -> list[list[Place]]:
        """The joins and regions that may be calls of one block, those that save most first."""
        measures = self.measures
        alike: dict[Hashable, list[Place]] = {}
        for sequence in self._sequences():
            for index, item in enumerate(sequence):
                if item.branches is None and item.body is None:
                    continue
                place = Place(sequence, index, 1)
                if measures.weight(item) >= 3 and measures.may_move(item) and self._closed(place):
                    alike.setdefault(measures.wiring(item), []).append(place)
        groups = sorted(alike.values(), key=self._score, reverse=True)
        merged: list[list[Place]] = []
        for group in groups[:_MOST_COMPARED]:
            like = next((other for other in merged if self._mergeable(other, group)), None)
            if like is not None:
                like.extend(group)
            else:
                merged.append(list(group))
        merged = [[*group, *self._bare(group)] for group in merged]
        return sorted([*merged, *groups[_MOST_COMPARED:]], key=self._score, reverse=True)

    def _score(self, group: list[Place]) -> int:
        inner = any(self._holds_repeats(place.items[0]) for place in group[:1])
        heaviest = max([self.measures.weight(place.items[0]) for place in group])
        return (len(group) - 1) * heaviest // (4 if inner else 1)

    def _holds_repeats(self, item: Item) -> bool:
        """Whether a region has joins inside, which become blocks first."""
        return item.body is not None and any(
            inner.branches is not None and self.measures.weight(inner) >= 3
            for inner in item.body[:-1]
        )

    def _mergeable(self, group: list[Place], other: list[Place]) -> bool:
        """Whether joins of two kinds differ in a few pieces only."""
        first, second = group[0].items[0], other[0].items[0]
        if first.kind != second.kind or first.labels != second.labels:
            return False
        if first.args.get("activation") != second.args.get("activation"):
            return False
        if (first.body is None) != (second.body is None):
            return False
        if attends(first) != attends(second):
            return False
        try:
            slots = template([[first], [second]])
        except Misfit:
            return False
        smallest, largest = sorted(map(self.measures.weight, (first, second)))
        if largest - smallest > _MOST_OPTIONAL:
            return False
        return options(slots) <= 2 and size(slots) <= largest and kernels_fit(slots)

    def _bare(self, group: list[Place]) -> list[Place]:
        """Sequences that are a residual branch without its skip."""
        residual = [p.items[0] for p in group if skips(p.items[0])]
        if not residual or residual[0].args:
            return []
        mains = [
            max((b for b in item.branches or () if isinstance(b, list)), key=len)
            for item in residual
        ]
        forms: dict[Hashable, list[Item]] = {}
        for main in mains:
            if _has_depthwise(main) or _ends_linear(main):
                forms.setdefault(outlines(main), main)
                if (
                    _has_depthwise(main)
                    and main[0].kind == "conv"
                    and main[0].args.get("kernel") == 1
                ):
                    forms.setdefault(outlines(main[1:]), main[1:])
        taken = {id(item) for p in group for item in all_items(p.items)}
        # A branch of another join is none of these units where no depthwise layer says so.
        outer = {id(self.sequence), *[id(block.body) for block in self.blocks.values()]}
        inner = {form: main for form, main in forms.items() if _has_depthwise(main)}
        found = []
        for sequence in list(self._sequences()):
            if not sequence or id(sequence[0]) in taken:
                continue
            looked_for = forms if id(sequence) in outer else inner
            start = 0
            while start < len(sequence):
                for form in sorted(looked_for, key=lambda f: -len(forms[f])):
                    place = Place(sequence, start, len(forms[form]))
                    items = place.items
                    if len(items) == place.length and outlines(items) == form:
                        if all(map(self.measures.may_move, items)) and self._closed(place):
                            found.append(place)
                            start += place.length - 1
                            break
                start += 1
        # Most units must have their skip, or it says nothing that some have none.
        return found if inner or len(found) <= len(group) else []

    def _extended(self, group: list[Place]) -> list[Place]:
        """The places with what stands before or behind each of them alike."""
        places = [Place(p.sequence, p.start, p.length) for p in group]
        if len({p.length for p in group}) > 1:
            return group
        members = {id(item) for p in group for item in p.items}
        changed = False
        for before in (True, False):
            while True:
                nexts = [place.neighbour(before) for place in places]
                if any(item is None or id(item) in members for item in nexts):
                    break
                items = [item for item in nexts if item is not None]
                if len({outline(item) for item in items}) > 1 or not all(
                    map(self.measures.may_move, items)
                ):
                    break
                if len({id(item) for item in items}) < len(items):
                    break
                wider = [Place(p.sequence, p.start - before, p.length + 1) for p in places]
                if not all(self._closed(place) for place in wider):
                    break
                members |= {id(item) for item in items}
                places = wider
                changed = True
        return places if changed else group

    # Sequences.

    def _fold_shared(self) -> None:
        """Makes blocks of sequences whose parameters others use layer by layer."""
        tried: set[Hashable] = set()
        while self._goes_on():
            self._look()
            alike: dict[Hashable, list[SharedLayers]] = {}
            for shared in shared_layers(self._sequences(), self.users, self.outputs):
                alike.setdefault(tuple(map(outline, shared.owner.items)), []).append(shared)
            form = next((form for form in alike if form not in tried), None)
            if form is None:
                return
            tried.add(form)
            self._share(alike[form])

    def _share(self, group: list[SharedLayers]) -> None:
        """Makes a block of some sequences, and calls that share them of those that do."""
        takers = [[(place.sequence, place.items) for place in each.users] for each in group]
        calls = self._extract([shared.owner for shared in group])
        renamed: dict[Item, Item] = {}
        for owner, places in zip(calls, takers, strict=False):
            for sequence, (first, *_, last) in places:
                call = Item(owner.kind, owner.args, last.shape, first.path)
                call.entering, call.source, call.share = first.entering, first.source, owner
                # Where the owner stood in the same list, places have moved.
                start, end = sequence.index(first), sequence.index(last)
                sequence[start : end + 1] = [call]
                renamed[last] = call
        if calls:
            self._rename(renamed)
            self._repeat()

    def _fold_windows(self) -> bool:
        """Makes a block of the sequence that saves the most lines; whether there is one."""
        self._look()
        may_move = self.measures.may_move
        found: dict[tuple[Hashable, ...], list[Place]] = {}
        for sequence in self._sequences():
            keys = [outline(item) if may_move(item) else None for item in sequence]
            for length in range(2, _LONGEST_WINDOW + 1):
                for start in range(len(sequence) - length + 1):
                    key = tuple(keys[start : start + length])
                    if None in key or len(set(key)) == 1:
                        continue
                    places = found.setdefault(key, [])
                    if places and places[-1].sequence is sequence:
                        if places[-1].start + length > start:
                            continue
                    places.append(Place(sequence, start, length))
        best = [(self._saved(places), key) for key, places in found.items() if len(places) > 1]
        best = [pair for pair in best if pair[0] >= _LEAST_SAVED and pair[1] not in self.refused]
        best.sort(key=lambda pair: pair[0], reverse=True)
        for _, key in best[:60]:
            places = [place for place in found[key] if self._closed(place)]
            if len(places) > 1 and self._saved(places) >= _LEAST_SAVED and self._extract(places):
                return True
            self.refused.add(key)
        return False

    def _saved(self, places: list[Place]) -> int:
        """The lines that a block of these saves, about."""
        longest = max((place.items for place in places), key=len)
        lines = sum(map(self.measures.lines, longest))
        short = len(longest) <= 2 and all(item.branches is None for item in longest)
        body = 1 if short else lines + 1
        return len(places) * lines - len(places) - body

    # Blocks.

    def _extract(self, places: list[Place]) -> list[Item]:
        """Makes a block of some places, which become its calls; none where they cannot be."""
        occurrences = []
        # Beside residual units, a sequence is one without its skip.
        wraps = any(place.length == 1 and skips(place.items[0]) for place in places)
        for place in places:
            items = place.items
            before = self._before(place)
            entering = items[0].entering
            if wraps and not (len(items) == 1 and items[0].kind == "add"):
                items = [residual(items)]
            occurrences.append(Occurrence(items, before, entering))
        try:
            slots = template([o.items for o in occurrences])
        except Misfit:
            return []
        if options(slots) > _MOST_OPTIONS:
            return []
        solver = Solver(self._block_name(places), slots, occurrences, self.blocks)
        solved = self._solved(places, solver)
        if solved is None and solver.found_ratios:
            solver = Solver(solver.name, slots, occurrences, self.blocks, ratios=False)
            solved = self._solved(places, solver)
        if solved is None:
            return []
        name = solved.block.name
        self.blocks[name] = solved.block
        self.names[name] = solved.names
        renamed: dict[Item, Item] = {}
        calls: list[tuple[Place, Item]] = []
        for place, given in zip(places, solved.calls, strict=True):
            items = place.items
            call = Item(name, given, items[-1].shape, common_path(items))
            call.entering = items[0].entering
            call.source = items[0].source
            renamed[items[-1]] = call
            renamed[last_of(items[-1])] = call
            calls.append((place, call))
        for place, call in sorted(calls, key=lambda pair: -pair[0].start):
            place.sequence[place.start : place.start + place.length] = [call]
        self._rename(renamed)
        return [call for _, call in calls]

    def _solved(self, places: list[Place], solver: Solver) -> Solved | None:
        """The block of a template, if it is one that a person would write."""
        try:
            solved = solver.solve()
        except Unsolved:
            return None
        name = solver.name
        args = solved.block.args
        layers = [a for a in args if any(isinstance(c.get(a), Item) for c in solved.calls)]
        most = _MOST_ARGUMENTS if len(places[0].items) == 1 else _MOST_OF_SEQUENCE
        if head_width(solved.block) > WIDTH:
            short = "mbconv" if name.startswith("inverted_residual") else "unit"
            solved.block = solved.block._replace(name=self._unused(short))
        too_wide = head_width(solved.block) > WIDTH
        return None if too_wide or len(args) > most or len(layers) > _MOST_LAYERS else solved

    def _rename(self, renamed: dict[Item, Item]) -> None:
        """Lets what referred to some items refer to others."""
        for sequence in self._sequences():
            for item in sequence:
                rename(item, renamed)
        for names in self.names.values():
            for item in [item for item in names if item in renamed]:
                names[new_of(item, renamed)] = names.pop(item)
        self.outputs[:] = [new_of(item, renamed) for item in self.outputs]

    def _block_name(self, places: list[Place]) -> str:
        """What a block is called: what the paths of its layers say, or what it is."""
        stems: Counter[str] = Counter()
        for place in places:
            path = common_path([*all_items(place.items)])
            last = words(path)[:1]
            stems.update([word.rstrip("0123456789_") for word in last])
        names = []
        if stems:
            stem, times = stems.most_common(1)[0]
            if 2 * times > len(places) and len(stem) > 2:
                names.append(stem)
        names += structure_names(max((p.items for p in places), key=self.measures.weight_of))
        for name in names:
            if name not in self.blocks and name not in RESERVED:
                return name
        return self._unused(names[-1])

    def _unused(self, name: str) -> str:
        """A name that no block has: this one, or with a number."""
        number = 2
        if name not in self.blocks:
            return name
        while f"{name}{number}" in self.blocks:
            number += 1
        return f"{name}{number}"

    def _open(self) -> None:
        """Puts the layers of the regions that are left into the lists around them."""
        renamed: dict[Item, Item] = {}
        for sequence in list(self._sequences()):
            if any(item.body is not None for item in sequence):
                sequence[:] = _opened(sequence, renamed)
        if renamed:
            self._rename(renamed)

    def _ungroup(self) -> None:
        """Removes the groups around runs that nothing refers to any more."""
        self._look()
        renamed: dict[Item, Item] = {}
        for sequence in list(self._sequences()):
            for place, item in enumerate(sequence):
                alone = item in self.outputs and len(self.outputs) == 1 and item is sequence[-1]
                if item.kind != GROUP or (self.users.get(item) and not alone):
                    continue
                run = (inner_list((item.branches or [[]])[0]) or [item])[0]
                run.source = item.source
                renamed[item] = sequence[place] = run
        if renamed:
            self._rename(renamed)

    # Repeats.

    def _repeat(self) -> None:
        """Writes equal layers after each other once."""
        self._look()
        renamed: dict[Item, Item] = {}
        for sequence in list(self._sequences()):
            sequence[:] = self._repeated(sequence, renamed)
        if renamed:
            self._rename(renamed)

    def _repeated(self, sequence: list[Item], renamed: dict[Item, Item]) -> list[Item]:
        found: list[Item] = []
        index = 0
        while index < len(sequence):
            item = sequence[index]
            run = [item]
            while index + len(run) < len(sequence) and self._continues(
                run[-1], sequence[index + len(run)]
            ):
                run.append(sequence[index + len(run)])
            index += len(run)
            if len(run) == 1:
                found.append(item)
                if len(found) > 1 and self._begins(found[-2], item):
                    del found[-2:]
                    found.append(self._with_first(sequence[index - 2], item, 1, renamed))
                continue
            follower = sequence[index] if index < len(sequence) else None
            if not self._copied(run, follower) and self._join_of_copies(run, follower) is None:
                found += run
                continue
            whole = run[0]
            join = self._join_of_copies(run, follower)
            if join is not None:
                whole = _run_of(run)
                self.copied.add(whole)
                branches = join.branches or []
                start = branches.index(run[0])
                join.branches = [
                    *branches[:start],
                    Copies(whole),
                    *branches[start + len(run) :],
                ]
            elif found and self._begins(found[-1], whole):
                whole = self._with_first(found.pop(), run[-1], len(run), renamed)
            else:
                whole = _run_of(run)
            for member in run:
                renamed[member] = whole
            found.append(whole)
        return [self._named_run(item, sequence, renamed) for item in found]

    def _named_run(self, item: Item, sequence: list[Item], renamed: dict[Item, Item]) -> Item:
        """A run whose result is named, in a group: a name of the run would be one for each copy."""
        if item.repeat is None or item in sequence or item in self.copied:
            return item
        olds = [old for old, new in renamed.items() if new is item]
        if not any(self.users.get(old) for old in olds):
            return item
        group = Item(GROUP, {}, item.shape, item.path)
        group.entering, group.source, item.source = item.entering, item.source, None
        group.branches = [[item]]
        for old in olds:
            renamed[old] = group
        return group

    def _continues(self, item: Item, other: Item) -> bool:
        """Whether a layer is another copy of the one before."""
        return (
            item.kind == other.kind
            and (item.branches is None or (self.joins_repeat and self._equal_inside(item, other)))
            and item.body is None
            and item.repeat is None
            and other.repeat is None
            and other.source is None
            and not (item.when or other.when)
            and item.share is None
            and other.share is None
            and _equal_arguments(item.args, other.args)
        )

    def _equal_inside(self, join: Item, other: Item) -> bool:
        """Whether two joins have equal branches, whose layers nothing refers to."""
        branches, others = join.branches or [], other.branches or []
        if join.labels != other.labels or len(branches) != len(others):
            return False
        for branch, one in zip(branches, others, strict=True):
            if not isinstance(branch, list) or not isinstance(one, list):
                if branch is not one:
                    return False
            elif len(branch) != len(one):
                return False
            elif not all(map(self._equal_layers, branch, one)):
                return False
        return True

    def _equal_layers(self, item: Item, other: Item) -> bool:
        """Whether two layers of branches are equal, and nothing refers to them."""
        return (
            item.kind == other.kind
            and not self.users.get(item)
            and not self.users.get(other)
            and item.source is other.source
            and item.share is other.share is None
            and (item.when, item.repeat) == (other.when, other.repeat)
            and _equal_arguments(item.args, other.args)
            and _equal_arguments(item.first, other.first)
            and self._equal_inside(item, other)
        )

    def _copied(self, run: list[Item], follower: Item | None) -> bool:
        """Whether a run may be written once: copies that are named must be so all together."""
        return not any(self.users.get(item) for item in run[:-1])

    def _join_of_copies(self, run: list[Item], follower: Item | None) -> Item | None:
        """The join that alone reads all copies of a run, one after the other; None if none does."""
        users = {user for item in run for user in self.users.get(item, ())}
        (join,) = users if len(users) == 1 else (None,)
        if join is None or join.branches is None or run[0] not in join.branches:
            return None
        start = join.branches.index(run[0])
        taken = join.branches[start : start + len(run)]
        named = [item for item in run if self.users.get(item)]
        if join is follower and taken[-1:] == [[]] and join.branches.count([]) == 1:
            taken = [*taken[:-1], run[-1]]
            named.append(run[-1])
        if len(taken) < len(run) or any(
            one is not other for one, other in zip(taken, run, strict=False)
        ):
            return None
        uses = sum([len(self.users.get(item, ())) for item in run])
        return join if len(named) == len(run) and uses <= len(run) else None

    def _begins(self, first: Item, whole: Item) -> bool:
        """Whether a call differs from the next ones in a few optional arguments only."""
        block = self.blocks.get(first.kind)
        if block is None or first.kind != whole.kind or self.users.get(first):
            return False
        if first.repeat is not None or whole.repeat is not None or whole.source is not None:
            return False
        if first.when or whole.when:
            return False
        differ = [
            n
            for n in block.args
            if not _equal(_argument(first, n, block), _argument(whole, n, block))
        ]
        if not differ or len(differ) > 2:
            return False
        if any(
            isinstance(_argument(first, name, block), (Expression, Item, type(None)))
            for name in differ
        ):
            return False
        return all(name in block.presets for name in differ)

    def _with_first(self, first: Item, whole: Item, count: int, renamed: dict[Item, Item]) -> Item:
        block = self.blocks[first.kind]
        differ = [
            n
            for n in block.args
            if not _equal(_argument(first, n, block), _argument(whole, n, block))
        ]
        made = Item(whole.kind, whole.args, whole.shape, first.path)
        made.entering, made.source = first.entering, first.source
        made.repeat = count + 1
        made.first = {name: _argument(first, name, block) for name in differ}
        renamed[first] = renamed[whole] = made
        return made


def _has_depthwise(main: list[Item]) -> bool:
    """Whether a residual branch has a depthwise layer between others."""
    return any(item.kind == "depthwise" for item in main) and len(main) > 2


def _ends_linear(main: list[Item]) -> bool:
    """Whether a residual branch ends in a 1x1 convolution alone, as inverted units do."""
    last = main[-1]
    linear = last.kind == "conv" and last.args.get("kernel") == 1 and "activation" not in last.args
    return linear and len(main) > 1


def _number_of(pair: tuple[int, Item]) -> int:
    return pair[0]


def _split(group: list[Place], key: Callable[[Item], Hashable]) -> list[list[Place]]:
    """The places of a group by a key of their layers, where some but not all are alike."""
    found: dict[Hashable, list[Place]] = {}
    for place in group:
        found.setdefault(key(place.items[0]), []).append(place)
    return [places for places in found.values() if 1 < len(places) < len(group)]


def _run_of(run: list[Item]) -> Item:
    """One item for equal ones."""
    whole = run[0]
    made = Item(whole.kind, whole.args, run[-1].shape, whole.path)
    made.entering, made.source = whole.entering, whole.source
    made.branches, made.labels = whole.branches, whole.labels
    made.repeat = len(run)
    return made


def _argument(item: Item, name: str, block: Block) -> object:
    return item.args[name] if name in item.args else block.presets.get(name)


def _equal_arguments(first: Mapping[str, object], second: Mapping[str, object]) -> bool:
    return first.keys() == second.keys() and all(
        _equal(first[name], second[name]) for name in first
    )


def _equal(first: object, second: object) -> bool:
    if isinstance(first, Item) or isinstance(second, Item):
        return first is second
    return same(first, second)


def references(item: Item) -> Iterator[Item]:
    """The items that a layer refers to by name, those in its branches not among them."""
    yield from item.references()
    if item.source is not None:
        yield item.source
    if item.share is not None:
        yield item.share
    for branch in item.branches or ():
        named = inner_item(branch)
        if named is not None:
            yield named


def new_of(item: Item, renamed: dict[Item, Item]) -> Item:
    """The item that is in the place of another."""
    while item in renamed:
        item = renamed[item]
    return item


def rename(item: Item, renamed: dict[Item, Item]) -> None:
    """Lets a layer refer to other items in the places of some."""

    def new(old: Item) -> Item:
        return new_of(old, renamed)

    if item.source is not None:
        item.source = new(item.source)
    if item.share is not None:
        item.share = new(item.share)
    for name, value in item.args.items():
        if isinstance(value, Item):
            item.args[name] = new(value)
    if item.branches is not None:
        item.branches = [_renamed(branch, renamed) for branch in item.branches]


def _renamed(branch: Branch, renamed: dict[Item, Item]) -> Branch:
    if isinstance(branch, (Item, Copies)):
        return _reference(branch, renamed)
    if isinstance(branch, Guarded) and not isinstance(branch.layers, list):
        branch.layers = _reference(branch.layers, renamed)
    return branch


def _reference(named: Item | Copies, renamed: dict[Item, Item]) -> Item | Copies:
    if isinstance(named, Copies):
        return Copies(new_of(named.item, renamed))
    return new_of(named, renamed)


def _opened(sequence: list[Item], renamed: dict[Item, Item]) -> list[Item]:
    """A list with the layers of its regions."""
    found = []
    for item in sequence:
        if item.body is None:
            found.append(item)
            continue
        inner = _opened(item.body, renamed)
        if item.source is not None:
            inner[0].source = item.source
        renamed[item] = inner[-1]
        found += inner
    return found
