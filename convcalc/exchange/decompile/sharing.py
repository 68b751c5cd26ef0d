"""Sequences whose layers use the parameters of another sequence, as the heads of a detector do."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import NamedTuple

from convcalc.exchange.decompile.items import Item

#: The least number of layers of a sequence.
_LEAST_LAYERS = 2


class Place:
    """Where some layers stand: a list of layers, where in it, and how many of it."""

    __slots__ = ("length", "sequence", "start")

    def __init__(self, sequence: list[Item], start: int, length: int) -> None:
        self.sequence = sequence
        self.start = start
        self.length = length

    @property
    def items(self) -> list[Item]:
        """The layers."""
        return self.sequence[self.start : self.start + self.length]

    def neighbour(self, before: bool) -> Item | None:
        """The layer before or behind them."""
        index = self.start - 1 if before else self.start + self.length
        return self.sequence[index] if 0 <= index < len(self.sequence) else None


class SharedLayers(NamedTuple):
    """Layers with parameters of their own, and those that use them."""

    owner: Place
    users: list[Place]


def shared_layers(
    sequences: Iterable[list[Item]], users: Mapping[Item, list[Item]], outputs: Container[Item]
) -> list[SharedLayers]:
    """The sequences whose layers, one after the other, are shared by all of some others.

    users    who refers to each layer
    outputs  the results of the network
    """
    lists = list(sequences)
    places = {item: (each, index) for each in lists for index, item in enumerate(each)}
    found: dict[tuple[int, int], list[Place]] = {}
    for each in lists:
        start = 0
        while start < len(each):
            length = _length(each, start, places)
            first = each[start].share
            if length and first is not None:
                sequence, index = places[first]
                found.setdefault((id(sequence), index), []).append(Place(each, start, length))
            start += max(1, length)
    shared: list[SharedLayers] = []
    owned: set[Item] = set()
    for takers in found.values():
        first = takers[0].items[0].share
        length = takers[0].length
        if first is None or length < _LEAST_LAYERS:
            continue
        if any(place.length != length for place in takers):
            continue
        owner = Place(*places[first], length)
        inside = {item for place in takers for item in place.items}
        if owned.intersection(owner.items):
            continue
        hidden = [item for place in (owner, *takers) for item in place.items[:-1]]
        if not any(set(users.get(item, ())) - inside or item in outputs for item in hidden):
            shared.append(SharedLayers(owner, takers))
            owned.update(owner.items)
    return shared


def _length(sequence: list[Item], start: int, places: Mapping[Item, tuple[list[Item], int]]) -> int:
    """How many layers from one on share layers that follow each other."""
    first = sequence[start].share
    if first is None or first not in places:
        return 0
    owners, index = places[first]
    length = 0
    for item, owner in zip(sequence[start:], owners[index:], strict=False):
        follows = length == 0 or (item.source is None and owner.source is None)
        if item.share is not owner or not follows or not _written_alike(item, owner):
            break
        length += 1
    return length


def _written_alike(item: Item, owner: Item) -> bool:
    """Whether two layers are written alike, but for what enters them and what they share."""
    if item.branches is not None or item.body is not None or item.when or owner.share is not None:
        return False
    return item.kind == owner.kind and item.args == owner.args
