"""From a graph to sequences: what is written after what, in which branch, and what by its name.

A join whose branches begin at one value, and whose values nobody else reads, holds them. Where the
branches between two values read each other, but nothing outside does, the layers between them are a
region: a sequence in which layers refer to each other. What is left is written in sequence, and a
long skip is a reference.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush

from convcalc.exchange.decompile.items import INPUT, REGION, Branch, Item, Items
from convcalc.layers.traits import ROLES

#: The most layers of a join that holds its branches, and of a region.
_MOST_NESTED = 60
_MOST_IN_REGION = 80
#: The most layers in a branch that begins at a layer that it names.
_LONGEST_SIDE = 8
#: Kinds that make maps larger.
_ENLARGING = ("upsample", "conv_transpose", "unpool", "pixel_shuffle")


def nested(items: Items) -> list[Item]:
    """The sequence of a network's items, joins holding their branches."""
    _nest_concatenations(items.items)
    nesting = _Nesting(items)
    for item in items.items:
        if len(item.reads) > 1 and not nesting.contracted(item):
            nesting.region(item)
    return nesting.sequence(items.outputs, items.inputs)


def _nest_concatenations(items: list[Item]) -> None:
    """Lets a concatenation read another one of the values that it begins with.

    In a dense block every layer reads all values before it: so it reads two. What is fused to such
    a concatenation becomes layers of its own, because others read the value before these.
    """
    known: dict[int, Item] = {}
    begins: dict[Item, tuple[int, Item]] = {}
    for item in items:
        if item.kind != "concat":
            continue
        beginning = hash(item.args.get("axis", 0))
        for count, read in enumerate(item.reads, 1):
            beginning = hash((beginning, id(read)))
            other = known.get(beginning)
            if other is not None and 1 < count < len(item.reads):
                begins[item] = (count, other)
        known.setdefault(beginning, item)
    if not begins:
        return
    nested = {*begins, *[other for _, other in begins.values()]}
    made = {item: _unfused(item) for item in nested}
    for item, (count, other) in begins.items():
        alone = made[item][0]
        alone.reads = [made[other][0], *alone.reads[count:]]
    items[:] = [layer for item in items for layer in made.get(item, [item])]


def _unfused(item: Item) -> list[Item]:
    """A concatenation alone, and what was fused to it as layers behind it."""
    fused = [item.args.pop(role) for role in ROLES if role in item.args]
    if not fused:
        return [item]
    plain = Item(item.kind, item.args, item.shape, item.path)
    plain.reads = item.reads
    made = [plain]
    for layer in fused[:-1]:
        norm = Item(layer.kind, dict(layer.args), item.shape, item.path)
        norm.reads = [made[-1]]
        made.append(norm)
    # Others read the item: it becomes the last of the layers.
    item.kind, item.args = fused[-1].kind, dict(fused[-1].args)
    item.reads, item.labels = [made[-1]], ()
    return [*made, item]


def in_sequence(items: Items) -> list[Item]:
    """The same, every layer in one sequence."""
    sequence = list(items.items)
    entered = items.inputs[0] if len(items.inputs) == 1 else None
    first = items.inputs[0] if items.inputs else None
    before = entered
    for item in sequence:
        _place(item, before, first)
        before = item
    return sequence


def _place(item: Item, before: Item | None, first: Item | None) -> None:
    """Says where a layer of a sequence takes its values from."""
    if len(item.reads) <= 1:
        if item.reads and item.reads[0] is not before:
            item.source = item.reads[0]
        elif not item.reads and before is None:
            item.source = first
    else:
        item.branches = [[] if read is before else read for read in item.reads]
    entered = item.source if item.source is not None else before
    item.entering = entered.shape if entered is not None else ()


class _Nesting:
    def __init__(self, items: Items) -> None:
        self.uses: dict[Item, int] = {}
        self.number = {item: n for n, item in enumerate([*items.inputs, *items.items])}
        self.weight: dict[Item, int] = {}
        self.enlarges: set[Item] = set()
        #: The longest way from an input to an item.
        self.depth = dict.fromkeys(items.inputs, 0)
        for item in items.items:
            self.depth[item] = 1 + max([self.depth[read] for read in item.reads], default=0)
            for read in (*item.reads, *item.references()):
                self.uses[read] = self.uses.get(read, 0) + 1
            if item.share is not None:
                # It is named, and can be only where it stands in the same sequence.
                self.uses[item.share] = self.uses.get(item.share, 0) + 2
            if item.kind in _ENLARGING:
                self.enlarges.add(item)
        for item in items.outputs:
            self.uses[item] = self.uses.get(item, 0) + 2

    def chain(self, end: Item, most: int) -> tuple[list[Item], Item | None]:
        """The items that lead to a value and that nothing else reads, and the value they begin at.

        None where they begin at a constant.
        """
        found: list[Item] = []
        item = end
        while self.uses[item] == 1 and item.kind != INPUT and len(item.reads) <= 1:
            if len(found) == most:
                break
            found.append(item)
            if not item.reads:
                return found[::-1], None
            item = item.reads[0]
        return found[::-1], item

    def contracted(self, join: Item) -> bool:
        """Lets a join hold its branches, where they begin at one value; whether it does."""
        chains = [self.chain(read, _MOST_NESTED) for read in join.reads]
        live = [place for place, (_, begin) in enumerate(chains) if begin is not None]
        if len(live) == 1 < len(chains):
            # Beside constants, what enters stands before the join.
            chains[live[0]] = ([], join.reads[live[0]])
        begins = {begin for _, begin in chains if begin is not None}
        if len(begins) != 1:
            return False
        (begin,) = begins
        weight = 1 + sum(self.weighed(item) for chain, _ in chains for item in chain)
        if weight > _MOST_NESTED or any(self.returns(chain) for chain, _ in chains):
            return False
        join.branches = [chain for chain, _ in chains]
        for chain, _ in chains:
            self.link(chain, begin)
        self.uses[begin] -= sum(1 for _, start in chains if start is begin) - 1
        join.reads = [begin]
        self.weight[join] = weight
        if any(item in self.enlarges for chain, _ in chains for item in chain):
            self.enlarges.add(join)
        return True

    def link(self, chain: list[Item], begin: Item) -> None:
        """Sets what enters the items of a branch."""
        before = begin
        for item in chain:
            item.entering = before.shape
            if item.args.get("shape") == before.shape and not item.reads:
                del item.args["shape"]  # a constant has the shape of what enters
            before = item

    def weighed(self, item: Item) -> int:
        """How many layers an item stands for."""
        return self.weight.get(item, 1)

    def returns(self, chain: list[Item]) -> bool:
        """Whether a branch comes back from a smaller map, as the way through a U-Net does."""
        if len(chain) < 4 or not any(item in self.enlarges for item in chain):
            return False
        before = chain[0].entering or (chain[0].reads[0].shape if chain[0].reads else ())
        smallest = min((item.shape[1:] for item in chain), key=sum)
        return max(smallest, default=1) > 1 and sum(smallest) < sum(before[1:])

    def region(self, join: Item) -> bool:
        """Makes a region of a join and what leads to it from one value; whether there is one."""
        heap: list[tuple[int, Item]] = []
        seen: set[Item] = set()

        def look(items: Iterable[Item]) -> None:
            for item in items:
                if item not in seen:
                    seen.add(item)
                    heappush(heap, (-self.number[item], item))

        members, begin = [join], join
        look((*join.reads, *join.references()))
        weight = 1
        while heap:
            _, begin = heappop(heap)
            if not heap:
                break
            if begin.kind == INPUT:
                return False
            members.append(begin)
            weight += self.weighed(begin)
            if weight > _MOST_IN_REGION:
                return False
            look((*begin.reads, *begin.references()))
        else:
            return False
        inside: dict[Item, int] = {}
        for member in members:
            for read in (*member.reads, *member.references()):
                inside[read] = inside.get(read, 0) + 1
        if any(inside.get(member) != self.uses[member] for member in members[1:]):
            return False
        members.sort(key=self.number.__getitem__)
        chain = [member for member in members if len(member.reads) < 2]
        if self.returns([*chain, join]):
            return False
        # Others hold the join as what they read: it becomes the region, and a copy the join.
        last = _copied(join)
        self.number[last], self.depth[last] = self.number[join], self.depth[join]
        self.uses[last] = 1
        body = self.sequence([last], [begin])
        self.uses[begin] -= inside[begin] - 1
        join.kind, join.args, join.body, join.branches = REGION, {}, body, None
        join.reads, join.labels, join.share = [begin], (), None
        self.weight[join] = weight
        return True

    def sequence(self, outputs: list[Item], inputs: list[Item]) -> list[Item]:
        """The items that results are made of, in an order in which few must be referred to."""
        done = set(inputs)
        order: list[Item] = []
        left = [(item, False) for item in reversed(outputs)]
        while left:
            item, ready = left.pop()
            if item in done:
                continue
            if ready:
                done.add(item)
                order.append(item)
                continue
            left.append((item, True))
            needed = self.needed(item)
            left += [(other, False) for other in reversed(needed) if other not in done]
        entered = inputs[0] if len(inputs) == 1 else None
        before = entered
        first = inputs[0] if inputs else None
        for item in order:
            if item.branches is not None and len(item.reads) > 1:
                self.enter(item, before)
            else:
                _place(item, before, first)
            before = item
        return order

    def enter(self, join: Item, before: Item | None) -> None:
        """Sets the branches of a join that begin at several values."""
        join.entering = before.shape if before is not None else ()
        branches: list[Branch] = []
        for branch in join.branches or []:
            if branch is before:
                branches.append([])
                continue
            branches.append(branch)
            if isinstance(branch, list) and branch:
                start = branch[0].reads[0] if branch[0].reads else before
                if branch[0].reads and start is not before:
                    branch[0].source = start
                if start is not None:
                    self.link(branch, start)
        join.branches = branches

    def needed(self, item: Item) -> list[Item]:
        """What must come before an item: what it shares and names, and what enters it last."""
        named = [*item.references(), *([item.share] if item.share is not None else [])]
        if len(item.reads) < 2:
            return [*named, *item.reads]
        sides = [self.chain(read, _LONGEST_SIDE) for read in item.reads]
        main: int | None = max(range(len(sides)), key=lambda place: self.depth[item.reads[place]])
        kinds = {tuple(part.kind for part in chain) for chain, _ in sides}
        if len(kinds) == 1 and () not in kinds and all(begin for _, begin in sides):
            main = None
        branches: list[Branch] = []
        for place, (chain, begin) in enumerate(sides):
            if place == main or not chain or any(part.source for part in chain):
                branches.append(item.reads[place])
                named.append(item.reads[place])
            else:
                branches.append(chain)
                if begin is not None:
                    named.append(begin)
        if main is not None:
            named.append(item.reads[main])
        item.branches = branches
        return named


def last_of(item: Item) -> Item:
    """The layer that computes an item's value: of a region its last one."""
    while item.body is not None:
        item = item.body[-1]
    return item


def _copied(item: Item) -> Item:
    """Another item that is written alike."""
    made = Item(item.kind, item.args, item.shape, item.path)
    made.reads, made.labels, made.share = item.reads, item.labels, item.share
    return made
