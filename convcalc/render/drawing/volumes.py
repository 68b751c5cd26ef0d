"""What the picture of a chain of layers shows: its maps and vectors, and blocks of convolutions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from math import prod
from typing import Literal, NamedTuple

from convcalc.analysis.units import Unit
from convcalc.graph import Network
from convcalc.problems import printable, refused
from convcalc.render.drawing.picture import times, title
from convcalc.render.drawing.structure import sources_of
from convcalc.shapes import Shape, cross_text

#: The most maps and vectors of a picture: more could be neither read nor kept small.
MOST_SOLIDS = 44
#: Channels that are listed one by one below a block, and the most lines of its layers.
_MOST_LISTED, _MOST_LINES = 4, 4
#: The largest map, and the most channels, of a picture whose maps face the reader.
_FACING_SIZE, _FACING_CHANNELS = 64, 16
_INSTEAD = "without --volumes, any network is drawn"

Family = Literal["input", "conv", "pool", "dense", "other"]


class Solid(NamedTuple):
    """The result of a unit, as it is drawn.

    unit    the unit
    family  what makes it, for its colour
    shape   its shape, for one sample
    active  whether an activation follows at once
    """

    unit: Unit
    family: Family
    shape: Shape
    active: bool

    @property
    def channels(self) -> int:
        """How many maps it has, or how many values."""
        return int(self.shape[0]) if self.shape else 1

    @property
    def flat(self) -> bool:
        """Whether it is a vector: it has no more than one position."""
        return prod(self.shape[1:]) == 1

    @property
    def sizes(self) -> tuple[int, int]:
        """Rows and columns of a map: the last two axes. A sequence has one column."""
        rows, columns = (*self.shape[1:], 1, 1)[:2] if len(self.shape) < 4 else self.shape[-2:]
        return int(rows), int(columns)


class Block(NamedTuple):
    """What stands together: convolutions whose maps have one size, or one map or vector alone.

    shape   `384, 256, 256 \u00d7 13\u00d713`;  lines  the layers in words, one or more lines
    """

    solids: tuple[Solid, ...]
    shape: str
    lines: tuple[str, ...]


class Volumes(NamedTuple):
    """The picture of a chain.

    facing   whether the maps face the reader: they are few and small
    left_out what is not drawn, since it changes no shape, by path
    """

    network: Network
    blocks: tuple[Block, ...]
    facing: bool
    left_out: tuple[str, ...]


def volumes(network: Network, units: Sequence[Unit]) -> Volumes:
    """The maps and vectors of a chain; raises ConvcalcError for any other network.

    >>> import convcalc
    >>> network = convcalc.load("alexnet")
    >>> made = volumes(network, convcalc.analyze(network).units)
    >>> [len(block.solids) for block in made.blocks]
    [1, 1, 1, 1, 1, 3, 1, 1, 1, 1]
    """
    _refuse_joins(network, units)
    solids: list[Solid] = []
    left_out: list[str] = []
    for unit, before in zip(units, [None, *units], strict=False):
        shape = unit.output[1:]
        active = "activation" in [layer.role for layer in unit.layers]
        if before is not None and _changes_nothing(unit, before.output[1:]):
            left_out.append(unit.path)
            # An activation on its own is the band of what it follows.
            if active and solids:
                solids[-1] = solids[-1]._replace(active=True)
            continue
        solids.append(Solid(unit, _family(unit, before), shape, active))
    if len(solids) > MOST_SOLIDS:
        raise refused(
            "bad-option",
            f"--volumes draws at most {MOST_SOLIDS} maps, and this network has {len(solids)}",
            _INSTEAD,
        )
    maps = [solid for solid in solids if not solid.flat]
    facing = bool(maps) and all(
        [
            len(one.shape) == 3
            and one.channels <= _FACING_CHANNELS
            and max(one.sizes) <= _FACING_SIZE
            for one in maps
        ]
    )
    blocks = [_block(group) for group in _touching(solids, facing)]
    return Volumes(network, tuple(blocks), facing, tuple(left_out))


def _refuse_joins(network: Network, units: Sequence[Unit]) -> None:
    """Refuses what is no chain, and names what makes it none."""
    for unit, sources in zip(units, sources_of(network, units), strict=True):
        path = printable(unit.path, 200)
        if len(sources) > 1:
            what = f"'{path}' ({unit.kind}) joins {len(sources)} values"
        elif not sources and unit.index:
            what = f"'{path}' ({unit.kind}) is a second value that enters the network"
        elif sources and sources[0] != unit.index - 1:
            shared = printable(units[sources[0]].path, 200)
            what = f"'{path}' reads '{shared}', which others read as well"
        else:
            continue
        raise refused("bad-option", f"--volumes draws chains only: {what}", _INSTEAD)


def _changes_nothing(unit: Unit, entering: Shape) -> bool:
    """Whether no map or vector needs to be drawn: the shape stays, and no position is mixed."""
    layer = unit.layers[0]
    shape = unit.output[1:]
    if layer.unknown:
        return False
    if shape != entering:
        # The same values in a vector, or with axes of one position more or less.
        ones = [size for size in shape if size != 1] == [size for size in entering if size != 1]
        return layer.is_view([entering]) and (len(shape) == 1 or ones)
    if layer.role:
        return True
    mixes = any([window.taps != 1 for window in layer.windows([entering])])
    return not mixes and not layer.parameters([entering])


def _family(unit: Unit, before: Unit | None) -> Family:
    """What makes a map, by what the layer declares of itself."""
    layer = unit.layers[0]
    if before is None:
        return "input"
    entering, shape = before.output[1:], unit.output[1:]
    if layer.unknown:
        return "other"
    if layer.windows([entering]):
        return "conv" if layer.parameters([entering]) else "pool"
    if layer.weighted:
        return "dense"
    same_channels = len(shape) == len(entering) and shape[:1] == entering[:1]
    smaller = all([size <= was for size, was in zip(shape, entering, strict=False)])
    return "pool" if same_channels and smaller else "other"


def _touching(solids: Sequence[Solid], facing: bool) -> Iterator[list[Solid]]:
    """Neighbours that are drawn as one block: convolutions whose maps have the same size."""
    found: list[Solid] = []
    for solid in solids:
        if found and not (
            not facing
            and solid.family == found[-1].family == "conv"
            and not solid.flat
            and solid.shape[1:] == found[-1].shape[1:]
        ):
            yield found
            found = []
        found.append(solid)
    yield found


def _block(solids: Sequence[Solid]) -> Block:
    kinds = ["input" if one.family == "input" else title(one.unit) for one in solids]
    return Block(tuple(solids), _shape_text(solids), tuple(_kind_lines(kinds)))


def _shape_text(solids: Sequence[Solid]) -> str:
    """The shapes of a block: those of the maps differ in their channels only."""
    channels = [solid.channels for solid in solids]
    if len(set(channels)) == 1:
        return times(cross_text(solids[0].shape)) or "one value"
    size = times(cross_text(solids[0].shape[1:]))
    listed = ", ".join(map(str, channels))
    if len(channels) > _MOST_LISTED:
        listed = f"{min(channels)}\u2013{max(channels)}"
    return f"{listed} \u00d7 {size}"


def _kind_lines(kinds: Sequence[str]) -> list[str]:
    """The layers of a block in words, a line for neighbours that are equal.

    If those are many lines, there is one for each kind.
    """
    runs = [(kind, len(list(same))) for kind, same in groupby(kinds)]
    if len(runs) > _MOST_LINES:
        runs = [(kind, kinds.count(kind)) for kind in dict.fromkeys(kinds)]
    lines = [f"{count} \u00d7 {kind}" if count > 1 else kind for kind, count in runs]
    if len(lines) > _MOST_LINES:
        more = sum([count for _, count in runs[_MOST_LINES - 1 :]])
        lines = [*lines[: _MOST_LINES - 1], f"{more} others"]
    return lines
