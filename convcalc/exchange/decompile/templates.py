"""One template for several sequences: what stands in the same place of each of them.

Sequences are aligned by the kinds of their layers. A slot of the template holds the layers that
stand at one place; where a sequence has none there, it is optional.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from convcalc.exchange.decompile.items import (
    Branch,
    Copies,
    Fused,
    Guarded,
    Item,
    inner_item,
)

#: The longest sequence whose slots are looked for by their best alignment.
_LONGEST = 80


class Slot:
    """What stands at one place of several sequences.

    kind      the kind of all of these layers
    labels    the names of the branches of a join
    items     the layer of each sequence; None where it has none
    branches  of a join
    body      of a region
    """

    __slots__ = ("body", "branches", "first", "items", "kind", "labels", "norm")

    def __init__(self, item: Item, before: int) -> None:
        self.kind = item.kind
        self.labels = item.labels
        self.items: list[Item | None] = [None] * before
        self.first = item
        self.norm = _fused_kind(item, "norm")
        self.branches: list[BranchSlot] | None = None
        self.body: list[Slot] | None = None
        if item.branches is not None:
            self.branches = [BranchSlot(branch, before) for branch in item.branches]
        if item.body is not None:
            self.body = []

    def add(self, item: Item, number: int) -> None:
        """Adds the layer of a further sequence."""
        self.items.append(item)
        if self.branches is not None:
            align_branches(self.branches, item.branches or [], number)
        if self.body is not None:
            align(self.body, item.body or [], number)

    def skip(self) -> None:
        """Says that a further sequence has no layer here."""
        self.items.append(None)
        for branch in self.branches or ():
            branch.skip()
        for slot in self.body or ():
            slot.skip()

    @property
    def present(self) -> tuple[bool, ...]:
        """Which sequences have a layer here."""
        return tuple([item is not None for item in self.items])

    def one(self) -> Item:
        """Any of the layers."""
        return self.first


class Misfit(Exception):
    """Sequences that no template has: a branch is a list in one and a reference in another."""


class BranchSlot:
    """A branch of several joins: lists of layers, or references.

    slots    of the lists; None of references
    copies   whether these are to all copies of a layer
    present  which sequences have the branch
    targets  of references, what each sequence names
    """

    __slots__ = ("copies", "present", "slots", "targets")

    def __init__(self, branch: Branch, before: int) -> None:
        self.slots: list[Slot] | None = [] if isinstance(branch, list) else None
        self.copies = isinstance(branch, Copies)
        self.present = [False] * before
        self.targets: list[Item | None] = [None] * before

    def add(self, branch: Branch, number: int) -> None:
        """Adds the branch of a further sequence."""
        if isinstance(branch, Guarded) or self.copies != isinstance(branch, Copies):
            raise Misfit
        if (self.slots is None) == isinstance(branch, list):
            raise Misfit
        self.present.append(True)
        self.targets.append(inner_item(branch))
        if self.slots is not None and isinstance(branch, list):
            align(self.slots, branch, number)

    def skip(self) -> None:
        """Says that a further sequence does not have the branch."""
        self.present.append(False)
        self.targets.append(None)
        for slot in self.slots or ():
            slot.skip()


def template(sequences: Sequence[Sequence[Item]]) -> list[Slot]:
    """The slots of some sequences."""
    slots: list[Slot] = []
    for number, sequence in enumerate(sequences):
        align(slots, sequence, number)
    return slots


def align(slots: list[Slot], items: Sequence[Item], number: int) -> None:
    """Adds a further sequence, before which there were `number`, to the slots of the others."""
    if len(slots) == len(items) and all(map(_alike, slots, items)):
        for slot, item in zip(slots, items, strict=True):
            slot.add(item, number)
        return
    found: list[Slot] = []
    i = j = 0
    scores = _scores(slots, items)
    while i < len(slots) or j < len(items):
        if i < len(slots) and j < len(items) and _alike(slots[i], items[j]):
            if scores[i][j] == scores[i + 1][j + 1] + _likeness(slots[i], items[j]):
                slots[i].add(items[j], number)
                found.append(slots[i])
                i, j = i + 1, j + 1
                continue
        if i < len(slots) and (j == len(items) or scores[i][j] == scores[i + 1][j]):
            slots[i].skip()
            found.append(slots[i])
            i += 1
        else:
            slot = Slot(items[j], number)
            slot.add(items[j], number)
            found.append(slot)
            j += 1
    slots[:] = found


def _scores(slots: Sequence[Slot], items: Sequence[Item]) -> list[list[int]]:
    """For the rest of both from each place on, how much of it can be paired."""
    scores = [[0] * (len(items) + 1) for _ in range(len(slots) + 1)]
    if len(slots) > _LONGEST or len(items) > _LONGEST:
        return scores
    for i in range(len(slots) - 1, -1, -1):
        for j in range(len(items) - 1, -1, -1):
            best = max(scores[i + 1][j], scores[i][j + 1])
            if _alike(slots[i], items[j]):
                best = max(best, scores[i + 1][j + 1] + _likeness(slots[i], items[j]))
            scores[i][j] = best
    return scores


def _alike(slot: Slot, item: Item) -> bool:
    """Whether a layer may stand in a slot."""
    if slot.kind != item.kind or slot.labels != item.labels:
        return False
    other = slot.one()
    if (slot.branches is None) != (item.branches is None):
        return False
    if (other.repeat is None) != (item.repeat is None) or other.first.keys() != item.first.keys():
        return False
    if (other.share is None) != (item.share is None):
        return False
    return slot.norm == _fused_kind(item, "norm")


def _fused_kind(item: Item, role: str) -> str:
    fused = item.args.get(role)
    return fused.kind if isinstance(fused, Fused) else ""


def _likeness(slot: Slot, item: Item) -> int:
    """How well a layer fits a slot: layers with one kernel fit best."""
    other = slot.one()
    return 4 + 2 * (other.args.get("kernel") == item.args.get("kernel"))


def align_branches(slots: list[BranchSlot], branches: Sequence[Branch], number: int) -> None:
    """Adds the branches of a further join, before which there were `number`."""
    if len(slots) == len(branches):
        pairs: list[tuple[BranchSlot | None, Branch | None]] = [*zip(slots, branches, strict=True)]
    else:
        pairs = _paired(slots, branches)
    found = []
    for slot, branch in pairs:
        if branch is not None:
            one = slot or BranchSlot(branch, number)
            one.add(branch, number)
            found.append(one)
        elif slot is not None:
            slot.skip()
            found.append(slot)
    slots[:] = found


def _paired(
    slots: Sequence[BranchSlot], branches: Sequence[Branch]
) -> list[tuple[BranchSlot | None, Branch | None]]:
    """Branches in order, each beside the first slot with layers of as many kinds as it has."""
    left = list(slots)
    if len(branches) == 1:
        # A sequence beside residual units: it is their longest branch.
        longest = max(left, key=lambda slot: len(slot.slots or ()))
        return [(slot, branches[0] if slot is longest else None) for slot in left]
    pairs: list[tuple[BranchSlot | None, Branch | None]] = []
    for branch in branches:
        match = next((n for n, slot in enumerate(left) if _branch_alike(slot, branch)), None)
        if match is None:
            pairs.append((None, branch))
            continue
        pairs += [(slot, None) for slot in left[:match]]
        pairs.append((left[match], branch))
        del left[: match + 1]
    return [*pairs, *[(slot, None) for slot in left]]


def _branch_alike(slot: BranchSlot, branch: Branch) -> bool:
    if slot.slots is None or not isinstance(branch, list):
        return slot.slots is None and isinstance(branch, Item)
    return len(slot.slots) == len(branch) and all(map(_alike, slot.slots, branch))


def every_slot(slots: Sequence[Slot]) -> Iterator[Slot]:
    """The slots, and those in their branches and regions."""
    for slot in slots:
        yield slot
        for branch in slot.branches or ():
            yield from every_slot(branch.slots or ())
        yield from every_slot(slot.body or ())


def size(slots: Sequence[Slot]) -> int:
    """How many layers a template has."""
    return sum(1 for slot in every_slot(slots) if slot.body is None)


def options(slots: Sequence[Slot], around: tuple[bool, ...] = ()) -> int:
    """How many pieces of a template are optional, neighbours that go together counted once."""
    count = 0
    before: tuple[bool, ...] = ()
    for slot in slots:
        present = slot.present
        if present != (around or (True,) * len(present)) and present != before:
            count += 1
        before = present
        for branch in slot.branches or ():
            if tuple(branch.present) != present:
                count += 1
            count += options(branch.slots or (), tuple(branch.present))
        count += options(slot.body or (), present)
    return count
