"""Items that have a place: their ports, and the lines between these.

Each item is placed by itself, around its spine: x is 0 on the spine and y is 0 at its top. A value
enters it at the top of the spine or at its left side, and leaves at the bottom of the spine or at
the left side: its ports. The column or fan around it lays the lines between the ports of its items,
where nothing else stands: beside an item there is nothing but the lanes of long lines. So no line
can run through a node, whatever the network.
"""

from __future__ import annotations

from math import ceil
from typing import Literal, NamedTuple, Protocol

from convcalc.render.drawing.picture import Arm, Cell, Column, Fan, Frame, Heads, Item, Picture
from convcalc.render.drawing.text import width

Point = tuple[float, float]
Side = Literal["top", "bottom", "left"]

#: Sizes, in the units of the picture.
HEIGHT, PILL_HEIGHT, RADIUS, BAR_HEIGHT = 40.0, 34.0, 11.0, 20.0
PAD, LEAST_WIDTH, WIDTH_STEP = 10.0, 104.0, 8
TITLE_ROW, SIDE, BOTTOM = 28.0, 14.0, 14.0
GAP, LABEL_GAP, FORK = 22.0, 34.0, 20.0
BETWEEN, IDENTITY = 20.0, 26.0
FIRST_LANE, LANE = 18.0, 13.0
PORT = 9.0
OVERHANG = 16.0
#: Between the spine and a pill beside it.
BESIDE = 16.0
#: Sizes of text.
TITLE_SIZE, TEXT_SIZE, GROUP_SIZE = 12.0, 10.5, 11.0


class Port(NamedTuple):
    """Where a value crosses the left side of an item: y from its top; into it or out of it."""

    value: int
    y: float
    entering: bool


class Label(NamedTuple):
    """A text beside a line: its left or right end, and its baseline."""

    x: float
    y: float
    text: str
    end: bool = False


class Link(NamedTuple):
    """A piece of a value's way, between ports of the parts of one item, or of the item itself."""

    value: int
    source: Placed | None
    leaves: Side
    target: Placed | None
    enters: Side
    points: list[Point]


class Placed:
    """An item with its size and the places of its parts.

    left, right  how far it reaches to both sides of its spine;  height  and down
    ports   its left ports, from the top down
    parts   what it is made of
    links   the lines within it;  labels  the texts beside them
    x, y    the place of its spine's top: within the item around it, and at the end on the page
    """

    __slots__ = (
        "height", "item", "labels", "left", "links", "parts", "ports", "right", "x", "y",
    )  # fmt: skip

    def __init__(self, item: Item | Column | None) -> None:
        self.item = item
        self.left = self.right = self.height = 0.0
        self.ports: list[Port] = []
        self.parts: list[Placed] = []
        self.links: list[Link] = []
        self.labels: list[Label] = []
        self.x = self.y = 0.0

    def port(self, value: int, entering: bool) -> Point:
        """The place of a left port in the item around this one."""
        for port in self.ports:
            if port.value == value and port.entering == entering:
                return (self.x - self.left, self.y + port.y)
        raise KeyError(value)

    def at(self, value: int, side: Side, entering: bool) -> Point:
        """The place of any port in the item around this one."""
        if side == "left":
            return self.port(value, entering)
        return (self.x, self.y if side == "top" else self.y + self.height)


def takes(item: Item | Column, value: int | None) -> bool:
    """Whether an item can take a value from above, on its spine."""
    match item:
        case Cell():
            return value in item.reads
        case Frame():
            return takes(item.body, value)
        case Fan() | Heads():
            return any([arm_takes(arm, value) for arm in item.branches])
        case Column():
            return takes(item.first, value)


def arm_takes(arm: Arm, value: int | None) -> bool:
    """Whether a branch can take a value from above."""
    return arm.value == value if arm.column is None else takes(arm.column, value)


def bottom(item: Item | Column) -> int:
    """The value that leaves an item on its spine."""
    match item:
        case Cell():
            return item.gives[-1] if item.gives else item.stop - 1
        case Frame():
            return bottom(item.body)
        case Fan():
            return bottom(item.cell)
        case Heads():
            return item.branches[-1].value
        case Column():
            return bottom(item.last)


def is_pill(item: Item) -> bool:
    """Whether an item is a node of the network that computes nothing from others."""
    return isinstance(item, Cell) and item.form == "pill"


def cell_width(cell: Cell) -> float:
    """How wide a box or a pill is that is not made wider by others."""
    first = width(cell.title, TITLE_SIZE, bold=True)
    figures = width(cell.share, TEXT_SIZE) + (8 if cell.share else 0)
    if cell.times > 1:
        figures += width(f"\u00d7{cell.times}", TEXT_SIZE, bold=True) + 8
    second = width(cell.second, TEXT_SIZE)
    whole = max(first + figures, second, LEAST_WIDTH - 2 * PAD) + 2 * PAD
    if cell.form == "pill":
        whole += 14
    return float(WIDTH_STEP * ceil(whole / WIDTH_STEP))


class Places(Protocol):
    """What places the items of a column or a fan."""

    picture: Picture

    def outer_reads(self, item: Item | Column) -> list[int]:
        """The values that an item reads of others, the latest first."""

    def outer_gives(self, item: Item | Column) -> list[int]:
        """The values of an item that others read."""

    def label_below(self, item: Item) -> str:
        """The shape below an item, where it differs from what enters it."""

    def place(self, item: Item | Column, top: int | None, wide: float = 0) -> Placed:
        """Places an item that takes the value `top` from above; boxes get at least this width."""
