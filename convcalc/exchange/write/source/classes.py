"""Blocks that do the same become one class; what differs between them becomes its arguments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from convcalc.exchange.write.source.arguments import simplify, solve
from convcalc.exchange.write.source.merging import merged
from convcalc.exchange.write.source.operations import Operation
from convcalc.exchange.write.source.parts import Class, Part, Source, same_value
from convcalc.exchange.write.source.tree import Block, Item, Ref

#: With how many classes of its family another one is compared.
_MOST_MERGED = 10


class Classes:
    """The classes of a network, in an order in which each uses earlier ones only.

    The last one is the network itself.
    """

    def __init__(self, root: Block, channels: Callable[[Ref], int]) -> None:
        self.channels = channels
        self.all: list[Class] = []
        self._of: dict[int, Class] = {}
        parents: dict[int, tuple[Block, Item]] = {}
        blocks: list[Block] = []

        def visit(block: Block) -> None:
            for item in block.items:
                if isinstance(item.body, Block):
                    parents[id(item.body)] = block, item
                    visit(item.body)
                    blocks.append(item.body)

        visit(root)
        families, ranks = _families(blocks, {key: block for key, (block, _) in parents.items()})
        for key in sorted(families, key=lambda key: (not key[1], ranks[key])):
            for made in self._family(families[key], key[0]):
                if self._dissolves(made):
                    for block in made.blocks:
                        _dissolve(*parents[id(block)], parents)
                else:
                    self._add(made)
        (network,) = self._buckets([root], "")
        self._add(network)

    def of(self, block: Block) -> Class:
        """The class of a block."""
        return self._of[id(block)]

    def values(self, item: Item) -> Mapping[str, Any]:
        """The arguments of an item."""
        if isinstance(item.body, Operation):
            return item.body.values
        return self.of(item.body).arguments(item.body)

    def _add(self, made: Class) -> None:
        solve(made, self.values, self.channels)
        simplify(made)
        self.all.append(made)
        for block in made.blocks:
            self._of[id(block)] = made

    def _family(self, blocks: list[Block], family: str) -> list[Class]:
        """The classes of one family, merged where that is possible."""
        found: list[Class] = []
        for bucket in self._buckets(blocks, family):
            for place, other in enumerate(found[:_MOST_MERGED]):
                both = None if bucket.unit else merged(other, bucket)
                if both is not None:
                    found[place] = both
                    break
            else:
                found.append(bucket)
        return found

    def _buckets(self, blocks: list[Block], family: str) -> list[Class]:
        """Blocks with the same items, wired in the same way."""
        buckets: dict[object, Class] = {}
        for block in blocks:
            items = self._runs(block) if len(blocks) > 1 else block.items
            parts, results = self._parts(block, items)
            key = tuple([(part.key, tuple(part.sources), part.same) for part in parts])
            signature = key, tuple(results), len(block.inputs)
            made = buckets.get(signature)
            if made is None:
                made = buckets[signature] = Class(family, [block], block.unit)
                made.parts, made.results = parts, results
            else:
                made.blocks.append(block)
            for part, item in zip(made.parts, items, strict=True):
                part.present.append(item)
        return list(buckets.values())

    def _runs(self, block: Block) -> list[Item]:
        """The items, of equal blocks behind each other one that is there so often.

        The first item stays alone: it takes what enters the block, which is often narrower.
        """
        found: list[Item] = []
        shared = {id(item.same) for item in block.items}
        reads = Counter([ref for item in block.items for ref in item.inputs] + block.outputs)
        for item in block.items:
            before = found[-1] if found else None
            if (
                before is not None
                and isinstance(item.body, Block)
                and isinstance(before.body, Block)
                and item.inputs == before.outputs
                and before.inputs != block.inputs
                and reads[item.inputs[0]] == len(item.outputs) == len(item.inputs) == 1
                and item.same is None
                and before.same is None
                and not {id(item), id(before)} & shared
                and self._equal(item.body, before.body)
            ):
                run = Item(before.name, before.body, before.inputs, item.outputs)
                run.count = before.count + 1
                found[-1] = run
            else:
                found.append(item)
        return found

    def _equal(self, first: Block, second: Block) -> bool:
        """Whether two blocks are one class with the same arguments."""
        cls = self.of(first)
        return cls is self.of(second) and all(
            same_value(a, b)
            for a, b in zip(
                cls.arguments(first).values(), cls.arguments(second).values(), strict=True
            )
        )

    def _parts(self, block: Block, items: list[Item]) -> tuple[list[Part], list[Source]]:
        made: dict[Ref, Source] = {ref: ("in", place) for place, ref in enumerate(block.inputs)}
        parts: list[Part] = []
        for place, item in enumerate(items):
            body = item.body if isinstance(item.body, Operation) else self._of[id(item.body)]
            part = Part(item.name, body, [made[ref] for ref in item.inputs])
            if item.same is not None:
                part.same = next(n for n, one in enumerate(items) if one is item.same)
            parts.append(part)
            for number, ref in enumerate(item.outputs):
                made[ref] = (place, number)
        return parts, [made[ref] for ref in block.outputs]

    @staticmethod
    def _dissolves(made: Class) -> bool:
        """Whether its blocks read better in place: sequences that are used once, or of blocks."""
        if not made.sequence:
            return False
        blocks = all(isinstance(part.body, Class) and not part.body.unit for part in made.parts)
        return len(made.blocks) == 1 or blocks


#: A family: its name, whether it is a unit, and the height of its blocks where these are apart.
_Key = tuple[str, bool, int]


def _families(
    blocks: list[Block], around: Mapping[int, Block]
) -> tuple[dict[_Key, list[Block]], dict[_Key, int]]:
    """Blocks by family, and the ranks of the families: what is inside of a block has a lower one.

    Where blocks of a family are inside of each other, or those of two families in turn, blocks of
    each height are a family of their own.
    """
    apart: set[tuple[str, bool]] = set()
    while True:
        keys: dict[int, _Key] = {}
        ranks: dict[_Key, int] = {}
        families: dict[_Key, list[Block]] = {}
        for block in blocks:
            name = block.family, block.unit
            key = (*name, block.height if name in apart else 0)
            keys[id(block)] = key
            ranks[key] = max(ranks.get(key, 0), block.height)
            families.setdefault(key, []).append(block)
        late = set()
        for block in blocks:
            outer = keys.get(id(around[id(block)]))
            if outer is not None and ranks[keys[id(block)]] >= ranks[outer]:
                late.add((block.family, block.unit))
        if not late:
            return families, ranks
        apart |= late


def _dissolve(parent: Block, item: Item, parents: dict[int, tuple[Block, Item]]) -> None:
    """Puts the items of a block in its place."""
    block = item.body
    if not isinstance(block, Block):
        return
    place = next(n for n, one in enumerate(parent.items) if one is item)
    for inner in block.items:
        if not block.unit:
            inner.name = f"{item.name}.{inner.name}"
        if isinstance(inner.body, Block):
            parents[id(inner.body)] = parent, inner
    parent.items[place : place + 1] = block.items
