"""Places the branches of a join side by side, and the join below them."""

from __future__ import annotations

from typing import NamedTuple

from convcalc.render.drawing.picture import Arm, Cell, Column, Fan, Heads
from convcalc.render.drawing.ports import (
    BAR_HEIGHT,
    BETWEEN,
    FIRST_LANE,
    FORK,
    GAP,
    HEIGHT,
    IDENTITY,
    LABEL_GAP,
    LANE,
    OVERHANG,
    RADIUS,
    TEXT_SIZE,
    Label,
    Link,
    Placed,
    Places,
    Point,
    Port,
    Side,
    arm_takes,
    bottom,
    cell_width,
    takes,
)
from convcalc.render.drawing.text import width


class _Arm(NamedTuple):
    """A branch in its place.

    x      of its axis
    takes  the value that it takes at its top, if any
    """

    arm: Arm
    placed: Placed | None
    x: float
    takes: int | None


class _Piece(NamedTuple):
    """A line between a branch and the space above the branches, or the left border.

    way    its points, from the branch on
    level  the y at which it goes on
    """

    value: int
    part: Placed
    side: Side
    way: list[Point]
    level: float


class FanPlacer:
    """Places the branches of a join side by side, and the join below them.

    A value that comes or goes at the left runs to its branch in a track above the branches, and
    down beside the branch. The value from above forks below these tracks.
    """

    def __init__(self, placer: Places, fan: Fan | Heads, top: int | None) -> None:
        self.placer = placer
        self.fan = fan
        #: The join; None where the branches end for good.
        self.cell = fan.cell if isinstance(fan, Fan) else None
        self.top = top
        self.placed = Placed(fan)
        self.circle = (
            self.cell is not None and self.cell.form == "circle" and len(fan.branches) <= 3
        )
        self.spine: Arm | None = None
        self.arms = self._ordered()
        self.crossing = self._crossing()
        self.made: list[_Arm] = []
        self._columns()
        self._tracks()
        self._join()

    # Which branch stands where.

    def _own(self, arm: Arm) -> bool:
        """Whether a branch begins with the value from above."""
        return self.top is not None and arm_takes(arm, self.top)

    def _ordered(self) -> list[Arm]:
        """The branches from left to right; chooses the one on the spine, if one is."""
        arms = self.fan.branches
        own = [arm for arm in arms if self._own(arm)]
        # A line from the nearest source lies innermost: its branch stands nearest to the spine.
        fed = sorted([arm for arm in arms if not self._own(arm)], key=self._latest)
        whole = [arm for arm in own if arm.column is not None]
        plain = [arm for arm in own if arm.column is None]
        if self.circle:
            self.spine = max(whole or plain or fed, key=_length)
            left = [arm for arm in fed if arm is not self.spine]
            right = [arm for arm in [*whole, *plain] if arm is not self.spine]
            if len(left) > 1:
                right.append(left.pop())
            if len(right) > 1:
                left.append(right.pop())
            return [*left, self.spine, *right]
        if len(whole) == 1 or len(own) == 1:
            self.spine = (whole or plain)[0]
            return [*fed, *whole, *plain]
        return [*fed, *own]

    def _latest(self, arm: Arm) -> int:
        """The order of the latest cell that a branch is fed by."""
        home = self.placer.picture.home
        reads = [arm.value] if arm.column is None else self.placer.outer_reads(arm.column)
        return max([home[value].order for value in reads], default=-1)

    def _crossing(self) -> set[int]:
        """The values that run above the branches: several read them, or one gives them."""
        given: set[int] = set()
        read: dict[int, int] = {}
        for arm in self.arms:
            reads = [arm.value]
            if arm.column is not None:
                given.update(self.placer.outer_gives(arm.column))
                reads = self.placer.outer_reads(arm.column)
            for value in reads:
                read[value] = read.get(value, 0) + 1
        return {value for value, count in read.items() if count > 1 or value in given}

    def _columns(self) -> None:
        """Places the columns of the branches, and gives each its axis."""
        placer = self.placer
        fed = [arm for arm in self.arms if not self._own(arm)]
        x = 0.0  # of the right edge of what stands there already
        for place, arm in enumerate(self.arms):
            if arm.column is None:
                x += IDENTITY if place else 0
                self.made.append(_Arm(arm, None, x, arm.value if self._own(arm) else None))
                continue
            enters = self.top if self._own(arm) else None
            if enters is None and (place > 0 or (len(fed) > 1 and not self.circle)):
                # A branch that is fed from afar takes that from above as well, if it can.
                reads = placer.outer_reads(arm.column)
                enters = next((value for value in reads if takes(arm.column, value)), None)
            part = placer.place(arm.column, enters)
            text = self._entry_text(arm)
            part.right = max(part.right, 7 + width(text, TEXT_SIZE) if text else 0)
            if place:
                x += IDENTITY if self.arms[place - 1].column is None else BETWEEN
            x += LANE * self._lanes(place, arm, part)
            x += part.left
            part.x = x
            self.made.append(_Arm(arm, part, x, enters))
            self.placed.parts.append(part)
            x += part.right

    def _in_track(self, place: int, value: int) -> bool:
        """Whether a line at the left of a branch goes to the tracks, not straight to the left."""
        return place > 0 or value == self.top or value in self.crossing

    def _lanes(self, place: int, arm: Arm, part: Placed) -> int:
        """How many lines run up beside a branch."""
        values = [port.value for port in part.ports]
        if arm.column is not None and self._shared(arm.column):
            values.append(bottom(arm.column))
        return len([value for value in values if self._in_track(place, value)])

    def _shared(self, column: Column) -> bool:
        """Whether the last value of a branch goes to others than the join."""
        value = bottom(column)
        picture = self.placer.picture
        end = self.fan.order[1] - 1 if self.cell is None else self.cell.order
        return value in self.crossing or picture.last.get(value, -1) > end

    def _entry_text(self, arm: Arm) -> str:
        """The text beside the line from a branch into the join."""
        if self.cell is None:
            return ""
        name = self.cell.names.get(arm.value, "") if self.cell.form == "box" else ""
        shape = self.placer.label_below(arm.column.items[-1]) if arm.column is not None else ""
        return " ".join([text for text in (name, shape) if text])

    def _axis(self) -> float:
        """The x of the spine."""
        if self.spine is not None:
            return next(one.x for one in self.made if one.arm is self.spine)
        own = [one for one in self.made if self._own(one.arm)]
        if not own:
            return self.made[-1].x  # all come from the left
        if len(own) % 2:
            return own[len(own) // 2].x
        middle = (own[0].x + own[-1].x) / 2
        lanes = [
            self._lane(one, number)
            for place, one in enumerate(self.made)
            for number, _ in enumerate(self._lane_values(place, one))
        ]
        # A line that runs up beside a branch is not to lie on the spine.
        return own[len(own) // 2].x if any([abs(x - middle) < 4 for x in lanes]) else middle

    # What is above the branches.

    def _tracks(self) -> None:
        """Finds the heights of the tracks, of the fork, and of the branches."""
        axis = self._axis()
        for place, one in enumerate(self.made):
            self.made[place] = one._replace(x=one.x - axis)
            if one.placed is not None:
                one.placed.x = one.x - axis
        reach: dict[int, float] = {}
        for place, one in enumerate(self.made):
            for value, x in self._from_tracks(place, one):
                reach[value] = max(reach.get(value, x), x)
        # What runs furthest to the right runs highest, so that it passes over the others.
        ordered = sorted(reach, key=lambda value: (-reach[value], -value))
        self.levels = {value: 10 + LANE * place for place, value in enumerate(ordered)}
        under = 10 + LANE * (len(ordered) - 1) if ordered else 0.0
        self.bus = under + (9 if ordered else 2)
        forks = any([self._own(one.arm) and abs(one.x) > 0.01 for one in self.made])
        start = self.bus + FORK - 2 if forks else under + (FORK - 4 if ordered else 0)
        for one in self.made:
            if one.placed is not None:
                one.placed.y = start
        self.start = start

    def _from_tracks(self, place: int, one: _Arm) -> list[tuple[int, float]]:
        """The values that a branch takes from the tracks or gives to them, and where: their x."""
        found: list[tuple[int, float]] = []
        part = one.placed
        if part is None or one.arm.column is None:
            if not self._own(one.arm) and not self._at_side(place, one):
                found.append((one.arm.value, one.x))
            return found
        if one.takes is not None and one.takes != self.top:
            found.append((one.takes, one.x))
        for number, value in enumerate(self._lane_values(place, one)):
            found.append((value, self._lane(one, number)))
        return found

    def _at_side(self, place: int, one: _Arm) -> bool:
        """Whether a value goes from the left border straight into the circle."""
        value = one.arm.value
        return place == 0 and self.circle and one.arm is not self.spine and not (
            self._in_track(place, value)
        )  # fmt: skip

    def _lane_values(self, place: int, one: _Arm) -> list[int]:
        """The values in the lanes beside a branch, the nearest first."""
        part, column = one.placed, one.arm.column
        if part is None or column is None:
            return []
        values = [port.value for port in part.ports if self._in_track(place, port.value)]
        last = bottom(column)
        if self._shared(column) and self._in_track(place, last):
            values.append(last)
        return values

    @staticmethod
    def _lane(one: _Arm, number: int) -> float:
        left = one.placed.left if one.placed is not None else 0
        return one.x - left - FIRST_LANE + 4 - LANE * number

    # The join, and the lines.

    def _join(self) -> None:
        placed, cell = self.placed, self.cell
        if cell is None:
            self._end()
            return
        ends = [self.bus + GAP if self.top is not None else self.start + 8, self.start + 8]
        for one in self.made:
            if one.placed is None or one.arm.column is None:
                continue
            end = one.placed.y + one.placed.height
            text = self._entry_text(one.arm)
            if text:
                placed.labels.append(Label(one.x + 7, end + 15, text))
            ends.append(end + (LABEL_GAP if text or self._shared(one.arm.column) else GAP))
        if any([port for one in self.made if one.placed for port in one.placed.ports]):
            ends.append(self.start + GAP)
        node = self._node(cell, max(ends))
        placed.parts.append(node)
        placed.height = node.y + node.height
        lefts, rights = [node.left], [node.right]
        for place, one in enumerate(self.made):
            part = one.placed
            lanes = len(self._lane_values(place, one))
            lane = -self._lane(one, lanes - 1) if lanes else 0.0
            lefts.append(max((part.left if part else 0) - one.x, lane))
            rights.append((part.right if part else 0) + one.x)
            name = cell.names.get(one.arm.value, "") if cell.form == "box" and part is None else ""
            if name:
                placed.labels.append(Label(one.x + 7, node.y - 8, name))
                rights.append(one.x + 7 + width(name, TEXT_SIZE))
        if self.circle and cell.second:
            placed.labels.append(Label(-RADIUS - 4, node.y + 2 * RADIUS + 1, cell.second, end=True))
            lefts.append(RADIUS + 4 + width(cell.second, TEXT_SIZE))
        placed.left, placed.right = max(lefts), max(rights)
        self._lines(node)
        placed.ports.sort(key=lambda port: port.y)

    def _end(self) -> None:
        """The sizes and the lines of branches that no join follows."""
        placed = self.placed
        for place, one in enumerate(self.made):
            part = one.placed
            if part is None:
                continue
            lanes = len(self._lane_values(place, one))
            lane = -self._lane(one, lanes - 1) if lanes else 0.0
            placed.left = max(placed.left, part.left - one.x, lane)
            placed.right = max(placed.right, part.right + one.x)
            placed.height = max(placed.height, part.y + part.height)
        self._lines(None)
        placed.ports.sort(key=lambda port: port.y)

    def _node(self, cell: Cell, y: float) -> Placed:
        node = Placed(cell)
        node.y = y
        if self.circle:
            node.left = node.right = RADIUS
            node.height = 2 * RADIUS
            return node
        xs = [one.x for one in self.made]
        low, high = min(*xs, 0) - OVERHANG, max(*xs, 0) + OVERHANG
        if cell.form == "box":
            least = cell_width(cell)
            node.height = HEIGHT
        else:
            least = width(cell.title, TEXT_SIZE, bold=True) + 24
            node.height = BAR_HEIGHT
        more = max(least - (high - low), 0) / 2
        node.left, node.right = more - low, more + high
        return node

    def _lines(self, node: Placed | None) -> None:
        """All lines: from above, from branch to join, from the tracks, and to the left."""
        placed, top = self.placed, self.top
        end = (0.0, placed.height)
        if node is not None:
            value = bottom(self.fan)
            placed.links.append(Link(value, node, "bottom", None, "bottom", [end, end]))
        arriving: list[_Piece] = []
        leaving: dict[int, _Piece] = {}
        for place, one in enumerate(self.made):
            part, column = one.placed, one.arm.column
            into = self._into(one, node) if node is not None else []
            if node is not None and part is not None and column is not None:
                begin = (one.x, part.y + part.height)
                value = bottom(column)
                placed.links.append(Link(value, part, "bottom", node, "top", [begin, *into]))
            target, points = (part, [(one.x, part.y)]) if part is not None else (node, into)
            if target is None:
                continue
            if top is not None and one.takes == top:
                fork = [(0.0, 0.0), (0.0, self.bus), (one.x, self.bus)]
                placed.links.append(Link(top, None, "top", target, "top", [*fork, *points]))
            elif part is None and self._at_side(place, one):
                arriving.append(_Piece(one.arm.value, target, "top", into[:0:-1], into[-1][1]))
            elif part is None or one.takes is not None:
                taken = one.arm.value if one.takes is None else one.takes
                level = self.levels[taken]
                way = [*points[::-1], (one.x, level)]
                arriving.append(_Piece(taken, target, "top", way, level))
            for piece, entering in self._side_pieces(place, one):
                if entering:
                    arriving.append(piece)
                else:
                    leaving[piece.value] = piece
        for piece in leaving.values():
            self._leave(piece)
        for piece in arriving:
            self._arrive(piece, leaving.get(piece.value))

    def _into(self, one: _Arm, node: Placed) -> list[Point]:
        """The end of a line from a branch's axis into the join."""
        if one.arm is self.spine or not self.circle:
            return [(one.x, node.y)]
        middle = node.y + RADIUS
        return [(one.x, middle), (-RADIUS if one.x < 0 else RADIUS, middle)]

    def _side_pieces(self, place: int, one: _Arm) -> list[tuple[_Piece, bool]]:
        """The lines at the left side of a branch, and whether each goes into it."""
        part, column = one.placed, one.arm.column
        if part is None or column is None:
            return []
        ends: list[tuple[int, Side, list[Point], bool]] = [
            (port.value, "left", [part.port(port.value, port.entering)], port.entering)
            for port in part.ports
        ]
        if self._shared(column):
            end = part.y + part.height
            ends.append((bottom(column), "bottom", [(one.x, end), (one.x, end + 9)], False))
        pieces = []
        lane = 0
        for value, side, points, entering in ends:
            way, level = points, points[-1][1]
            if self._in_track(place, value):
                x = self._lane(one, lane)
                lane += 1
                way, level = [*points, (x, level), (x, self.levels[value])], self.levels[value]
            pieces.append((_Piece(value, part, side, way, level), entering))
        return pieces

    def _leave(self, piece: _Piece) -> None:
        """The line from a branch to the left border, if others read the value."""
        picture = self.placer.picture
        start, stop = self.fan.order
        if not start <= picture.first[piece.value] <= picture.last[piece.value] < stop:
            self.placed.ports.append(Port(piece.value, piece.level, False))
            points = [*piece.way, (-self.placed.left, piece.level)]
            self.placed.links.append(
                Link(piece.value, piece.part, piece.side, None, "left", points)
            )

    def _arrive(self, piece: _Piece, source: _Piece | None) -> None:
        """The line to a branch from where its value comes from."""
        placed, value = self.placed, piece.value
        way = piece.way[::-1]
        if source is not None:
            points = [*source.way, *way]
            link = Link(value, source.part, source.side, piece.part, piece.side, points)
        elif value == self.top:
            points = [(0.0, 0.0), (0.0, piece.level), *way]
            link = Link(value, None, "top", piece.part, piece.side, points)
        else:
            # Where several branches read a value, it comes to all of them in one track.
            if not any([port.value == value and port.entering for port in placed.ports]):
                placed.ports.append(Port(value, piece.level, True))
            points = [(-placed.left, piece.level), *way]
            link = Link(value, None, "left", piece.part, piece.side, points)
        placed.links.append(link)


def _length(arm: Arm) -> int:
    if arm.column is None:
        return 0
    start, stop = arm.column.order
    return stop - start
