"""The windows of a layer as SVG, at rest or moving."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from convcalc.render.drawing.cells_svg import (
    CELL,
    LARGEST,
    MARGIN,
    MOST_FRAMES,
    PITCH,
    TOP,
    document,
    group,
    label,
    minus,
    squares,
    texts_in_row,
    title_room,
)
from convcalc.render.drawing.svg import number
from convcalc.render.drawing.text import shortened, width
from convcalc.render.drawing.window import (
    Axis,
    Frame,
    Numbers,
    Scene,
    arithmetic,
    frame,
    frames,
    never_read,
    number_at,
    part,
    sentence,
)

#: Between two maps; what indices take at the left of a map, and everything above one.
_BETWEEN, _INDEX, _ABOVE = 74.0, 32.0, 74.0
#: How much wider arithmetic is than words: the signs of DejaVu Sans are wider than its letters.
_SIGNS = 1.12
_FEWEST = 2
_SHOWN_TERMS = 80


class _Map(NamedTuple):
    """A map in its place: of the cell at position (0, 0), which may not be shown."""

    x: float
    y: float
    rows: range
    columns: range

    def at(self, row: int, column: int) -> tuple[float, float]:
        """The place of a cell."""
        return self.x + column * PITCH, self.y + row * PITCH

    @property
    def left(self) -> float:
        """The left edge of what is shown."""
        return self.x + self.columns.start * PITCH

    @property
    def right(self) -> float:
        """The right edge of what is shown."""
        return self.x + self.columns.stop * PITCH

    @property
    def top(self) -> float:
        """The upper edge of what is shown."""
        return self.y + self.rows.start * PITCH

    @property
    def bottom(self) -> float:
        """The lower edge of what is shown."""
        return self.y + self.rows.stop * PITCH


def window_svg(scene: Scene, *, formulas: Sequence[str] = (), animated: bool = False) -> str:
    """A layer's window as an SVG file.

    formulas  lines below the picture;  animated  whether it moves over all positions that are shown
    """
    writer = _Writer(scene, formulas, animated)
    text = writer.text()
    while len(text.encode()) > LARGEST and len(writer.frames) > _FEWEST:
        each = len(text.encode()) // len(writer.frames)
        excess = (len(text.encode()) - LARGEST) // each + 1
        writer.frames = writer.frames[: max(len(writer.frames) - excess, _FEWEST)]
        text = writer.text()
    return text


class _Writer:
    def __init__(self, scene: Scene, formulas: Sequence[str], animated: bool) -> None:
        self.scene = scene
        self.formulas = formulas
        shown = [frame(scene, 0, *scene.default)]
        if animated:
            shown = frames(scene)[:MOST_FRAMES]
        self.frames = shown
        self.animated = animated and len(shown) > 1
        self._place()

    def _place(self) -> None:
        """Gives the maps their places: what is read at the left, what is made at the right."""
        scene = self.scene
        wide = (len(scene.rows.positions), len(scene.columns.positions))
        narrow = (scene.rows.places, scene.columns.places)
        height = max(wide[0], narrow[0]) * PITCH
        middle = TOP + _ABOVE + height / 2
        self.planes = [(0, 0)] if scene.scatters else scene.planes

        def placed(x: float, first: tuple[int, int], size: tuple[int, int]) -> _Map:
            rows = range(first[0], first[0] + size[0])
            columns = range(first[1], first[1] + size[1])
            top = middle - size[0] * PITCH / 2
            return _Map(x - first[1] * PITCH, top - first[0] * PITCH, rows, columns)

        start = (scene.rows.positions.start, scene.columns.positions.start)
        x = MARGIN + _INDEX
        self.wide: list[_Map] = []
        if scene.scatters:
            self.narrow = placed(x, (0, 0), narrow)
            x = self.narrow.right + _BETWEEN + _INDEX
            self.wide = [placed(x, start, wide)]
            self.right = self.wide[0].right
        else:
            for _ in self.planes:
                self.wide.append(placed(x, start, wide))
                x = self.wide[-1].right + _INDEX + 4
            x = self.wide[-1].right + _BETWEEN
            self.narrow = placed(x, (0, 0), narrow)
            self.right = self.narrow.right + _INDEX
        self.bottom = middle + height / 2

    def text(self) -> str:
        """The file."""
        scene = self.scene
        lines: list[str] = []
        below = self.bottom + 30
        notes = [text for text in (never_read(scene), part(scene)) if text]
        captions = [self._captions(one) for one in self.frames]
        most = max([len(texts) for texts in captions])
        rest = [*self.formulas, *notes]
        texts = [text for one in captions for text in one]
        across = max(
            [self.right + 24, title_room(scene.title)]
            + [self.narrow.left + width(self._narrow_title(), 11) + MARGIN]
            + [width(text, 12) * _SIGNS + 2 * MARGIN for text in [*texts, *rest]]
        )
        down = below + 18 * (most + len(rest)) + 4
        lines += [
            *document(
                (across, down), scene.title, captions[0][0], self.animated * len(self.frames)
            ),
            *self._maps(),
        ]
        for place, one in enumerate(self.frames):
            lines.append(self._frame(place, one, captions[place], below))
        lines += self._numbers()
        lines += [
            label(MARGIN, below + 18 * (most + place), text, "f" if text in self.formulas else "")
            for place, text in enumerate(rest)
        ]
        return "\n".join([*lines, "</svg>"]) + "\n"

    def _captions(self, shown: Frame) -> list[str]:
        scene = self.scene
        texts = [sentence(scene, shown)]
        sums = arithmetic(scene, shown)
        if sums:
            texts.append(shortened(sums, _SHOWN_TERMS))
        return texts

    # The maps at rest.

    def _maps(self) -> list[str]:
        scene = self.scene
        out = []
        for place, grid in enumerate(self.wide):
            channel, z = self.planes[place]
            padded = not 0 <= z < scene.depth.wide
            states = [
                ["padding" if padded else scene.state(y, x) for x in grid.columns]
                for y in grid.rows
            ]
            out += self._cells(grid, states)
            padding = max(scene.rows.before, scene.columns.before)
            text = f"{scene.wide_text} {scene.sizes(narrow=False)}"
            if len(self.wide) > 1:
                names = [f"channel {channel}"] * (scene.inputs > 1)
                names += [f"plane {minus(z)}"] * (len(scene.depth.positions) > 1)
                text = ", ".join(names)
            elif padding:
                text += f", {'cut by' if scene.scatters else 'padding'} {padding}"
            out.append(label(grid.left, grid.top - 48, text))
            out += self._indices(grid, left=place == 0, rows=place == 0)
            out += self._starts(grid, place == 0)
            out += self._torn(grid, scene.rows, scene.columns, narrow=False)
        grid = self.narrow
        out += self._cells(grid, [["cell" for _ in grid.columns] for _ in grid.rows])
        out.append(label(grid.left, grid.top - 24, self._narrow_title()))
        out += self._indices(grid, left=scene.scatters, rows=True)
        out += self._torn(grid, scene.rows, scene.columns, narrow=True)
        return out

    def _narrow_title(self) -> str:
        scene = self.scene
        names = [f"{scene.narrow_text} {scene.sizes(narrow=True)}"]
        if not self.animated:
            # The first of several.
            names += ["channel 0"] * (scene.outputs > 1) + ["plane 0"] * (scene.depth.places > 1)
        return ", ".join(names)

    def _cells(self, grid: _Map, states: Sequence[Sequence[str]]) -> list[str]:
        """The cells of a map, those of a kind as one path."""
        places: dict[str, list[tuple[float, float]]] = {}
        for y, row in zip(grid.rows, states, strict=True):
            for x, state in zip(grid.columns, row, strict=True):
                places.setdefault(state, []).append(grid.at(y, x))
        classes = {"cell": "i", "padding": "p", "unread": "u"}
        out = [f'<path class="{classes[s]}" d="{squares(p)}"/>' for s, p in places.items()]
        if "unread" in places:
            out.append(f'<path fill="url(#h)" d="{squares(places["unread"])}"/>')
        return out

    def _indices(self, grid: _Map, *, left: bool, rows: bool) -> list[str]:
        columns = [(grid.at(0, x)[0] + CELL / 2, minus(x)) for x in grid.columns]
        out = [texts_in_row(grid.top - 7, columns, "m")]
        if self.scene.rank > 1 and rows:
            side = grid.left - 8 if left else grid.right + 6
            out += [
                label(side, grid.at(y, 0)[1] + 16, minus(y), "e" if left else "") for y in grid.rows
            ]
        return out

    def _starts(self, grid: _Map, arrow: bool) -> list[str]:
        """Triangles where windows begin; on the first map also those of rows, and the stride."""
        scene = self.scene
        rows, columns = scene.rows, scene.columns
        out = []
        y = grid.top - 22
        xs = [grid.at(0, columns.start(place))[0] for place in range(columns.places)]
        out += [f"M{number(x - 4)} {number(y - 5)}h8l-4 6z" for x in xs]
        if scene.rank > 1 and arrow:
            side = grid.left - 30
            tops = [grid.at(rows.start(place), 0)[1] for place in range(rows.places)]
            out += [f"M{number(side)} {number(top - 4)}v8l6 -4z" for top in tops]
        parts = [f'<path class="tk" d="{"".join(out)}"/>']
        if arrow and len(xs) > 1:
            y = grid.top - 34
            end = xs[1]
            parts.append(
                f'<path class="ar" d="M{number(xs[0])} {number(y - 3)}v6m0 -3H{number(end)}"/>'
                f'<path class="tk" d="M{number(end)} {number(y)}l-6 -3v6z"/>'
            )
            parts.append(label(max(end, xs[0]) + 6, y + 4, f"stride {columns.stride}"))
        return parts

    def _torn(self, grid: _Map, rows: Axis, columns: Axis, *, narrow: bool) -> list[str]:
        """Zigzag edges where a map goes on."""
        out = []
        right = columns.places < columns.narrow if narrow else columns.shown < columns.wide
        under = rows.places < rows.narrow if narrow else rows.shown < rows.wide
        if right:
            steps = "".join(
                [f"l{3 if n % 2 else -3} {number(PITCH / 2)}" for n in range(2 * len(grid.rows))]
            )
            out.append(f"M{number(grid.right + 3)} {number(grid.top)}{steps}")
        if under:
            steps = "".join(
                [f"l{number(PITCH / 2)} {3 if n % 2 else -3}" for n in range(2 * len(grid.columns))]
            )
            out.append(f"M{number(grid.left)} {number(grid.bottom + 3)}{steps}")
        return [f'<path class="ln" d="{"".join(out)}"/>'] if out else []

    # What moves.

    def _frame(self, place: int, shown: Frame, captions: Sequence[str], below: float) -> str:
        scene = self.scene
        rows, columns = scene.rows.read(shown.row), scene.columns.read(shown.column)
        out = []
        channels, depths = scene.reads(shown.output), scene.depth.read(shown.depth)
        for (channel, z), grid in zip(self.planes, self.wide, strict=True):
            if not scene.scatters and (channel not in channels or z not in depths):
                continue
            padded = not 0 <= z < scene.depth.wide
            read: dict[str, list[tuple[float, float]]] = {"t": [], "q": []}
            for row in rows:
                for column in columns:
                    if row in grid.rows and column in grid.columns:
                        padding = padded or scene.state(row, column) == "padding"
                        read["q" if padding else "t"].append(grid.at(row, column))
            out += [f'<path class="{c}" d="{squares(p)}"/>' for c, p in read.items() if p]
            if shown.column and not self.animated:
                out.append(self._outline(grid, shown.row, shown.column - 1, "g"))
            out.append(self._outline(grid, shown.row, shown.column, "w"))
        x, y = self.narrow.at(shown.row, shown.column)
        out.append(
            f'<rect class="c" x="{number(x)}" y="{number(y)}" width="{number(CELL)}"'
            f' height="{number(CELL)}" rx="2"/>'
        )
        # Lines from an earlier map would run through the others.
        if scene.scatters or (self.planes[-1][0] in channels and self.planes[-1][1] in depths):
            out.append(self._rays(rows, columns, x, y))
        if scene.scatters and self.animated:
            out += self._sums(place)
        if shown.result is not None and self.animated:
            out.append(label(x + CELL / 2, y + 16, minus(shown.result), "v m"))
        for line, text in enumerate(captions):
            out.append(label(MARGIN, below + 18 * line, text, "f" if line else ""))
        return group(place, out, moves=self.animated)

    def _outline(self, grid: _Map, row: int, column: int, classes: str) -> str:
        rows, columns = self.scene.rows, self.scene.columns
        x, y = grid.at(rows.start(row), columns.start(column))
        across = columns.extent * PITCH - (PITCH - CELL)
        down = rows.extent * PITCH - (PITCH - CELL)
        return (
            f'<rect class="{classes}" x="{number(x)}" y="{number(y)}" width="{number(across)}"'
            f' height="{number(down)}" rx="2"/>'
        )

    def _rays(self, rows: Sequence[int], columns: Sequence[int], x: float, y: float) -> str:
        """The lines from the window to the cell that it belongs to."""
        if self.scene.scatters:
            grid = self.wide[0]
            left, top = grid.at(rows[0], columns[0])
            ends = [(x + CELL, y, left, top), (x + CELL, y + CELL, left, top)]
            bottom = grid.at(rows[-1], columns[0])[1] + CELL
            ends[1] = (x + CELL, y + CELL, left, bottom)
        else:
            grid = self.wide[-1]
            right, top = grid.at(rows[0], columns[-1])
            bottom = grid.at(rows[-1], columns[-1])[1] + CELL
            right += CELL
            ends = [(right, top, x, y), (right, bottom, x, y + CELL)]
        path = "".join([f"M{number(a)} {number(b)}L{number(c)} {number(d)}" for a, b, c, d in ends])
        return f'<path class="ln" d="{path}"/>'

    def _sums(self, place: int) -> list[str]:
        """What the cells of the window hold after a step of a transposed convolution."""
        grid = self.wide[0]
        sums: dict[tuple[int, int], int] = {}
        for one in self.frames[: place + 1]:
            for term in one.terms:
                at = (term.row, term.column)
                sums[at] = sums.get(at, 0) + term.value * term.weight
        rows: dict[int, list[tuple[float, str]]] = {}
        for term in self.frames[place].terms:
            cell = self.scene.state(term.row, term.column)
            if term.row in grid.rows and term.column in grid.columns and cell != "padding":
                x = grid.at(0, term.column)[0] + CELL / 2
                rows.setdefault(term.row, []).append((x, minus(sums[term.row, term.column])))
        return [texts_in_row(grid.at(y, 0)[1] + 16, texts, "v m") for y, texts in rows.items()]

    def _numbers(self) -> list[str]:
        """The numbers of the maps, above what moves."""
        numbers = self.scene.numbers
        if numbers is None:
            return []
        out = []
        if self.scene.scatters:
            out += self._texts(self.narrow, numbers.input, 0)
            if not self.animated:
                out += self._texts(self.wide[0], numbers.output, 0)
            return out
        for (channel, z), grid in zip(self.planes, self.wide, strict=True):
            if 0 <= z < self.scene.depth.wide:
                out += self._texts(grid, numbers.input, channel * self.scene.depth.wide + z)
        if not self.animated:
            out += self._texts(self.narrow, numbers.output, 0)
        return out

    def _texts(self, grid: _Map, numbers: Numbers, channel: int) -> list[str]:
        out = []
        # Sums to which cells would add that are not shown are left out.
        scatters = self.scene.scatters and grid is self.wide[0]
        for y in grid.rows:
            texts = [
                (grid.at(y, x)[0] + CELL / 2, minus(number_at(numbers, channel, y, x)))
                for x in grid.columns
                if 0 <= y < len(numbers[channel])
                and 0 <= x < len(numbers[channel][0])
                and (
                    not scatters or (self.scene.rows.complete(y) and self.scene.columns.complete(x))
                )
            ]
            if texts:
                out.append(texts_in_row(grid.at(y, 0)[1] + 16, texts, "v m"))
        return out
