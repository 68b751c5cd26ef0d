"""Which keys a query reads as SVG, of one query or of one after the other."""

from __future__ import annotations

from collections.abc import Sequence

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
    squares,
    texts_in_row,
    title_room,
)
from convcalc.render.drawing.keys import Keys, notes, sentence
from convcalc.render.drawing.ports import Point
from convcalc.render.drawing.svg import number
from convcalc.render.drawing.text import width

_INDEX, _ABOVE, _LINE = 32.0, 44.0, 18.0
_FEWEST = 2

Query = tuple[int, int]


def keys_svg(keys: Keys, *, animated: bool = False) -> str:
    """The keys as an SVG file: of a map for one query, of a sequence for each that is shown.

    animated  whether it goes over all queries that are shown
    """
    queries = keys.queries[:MOST_FRAMES] if animated else [keys.default]
    text = _file(keys, queries, animated)
    while len(text.encode()) > LARGEST and len(queries) > _FEWEST:
        queries = queries[: max(len(queries) * 3 // 4, _FEWEST)]
        text = _file(keys, queries, animated)
    return text


def _file(keys: Keys, queries: Sequence[Query], animated: bool) -> str:
    moves = animated and len(queries) > 1
    rows = min(keys.columns.queries if keys.rank == 1 else keys.rows.size, _shown_rows(keys))
    columns = min(keys.columns.size, keys.columns.shown)
    top = TOP + _ABOVE
    below = top + rows * PITCH + 24
    captions = [[sentence(keys, query), *notes(keys, query)] for query in queries]
    most = max([len(texts) for texts in captions])
    texts = [text for one in captions for text in one]
    legend = _legend(keys, queries)
    least = [title_room(keys.title), width(legend, 11) + 2 * MARGIN]
    across = max(
        MARGIN + _INDEX + columns * PITCH + MARGIN,
        *least,
        *[width(text, 12) + 2 * MARGIN for text in texts],
    )
    down = below + _LINE * (1 + most) + 4
    out = document((across, down), keys.title, captions[0][0], len(queries) * moves)
    left = MARGIN + _INDEX
    every = [_place(left, top, row, column) for row in range(rows) for column in range(columns)]
    out.append(f'<path class="i" d="{squares(every)}"/>')
    named = (
        "keys, for each query"
        if keys.rank == 1
        else f"keys {keys.rows.size}\u00d7{keys.columns.size}"
    )
    out.append(label(left, top - 24, named))
    numbers = [
        (_place(left, top, 0, column)[0] + CELL / 2, str(column)) for column in range(columns)
    ]
    out.append(texts_in_row(top - 7, numbers, "m"))
    out += [
        label(left - 8, _place(left, top, row, 0)[1] + 16, str(row), "e") for row in range(rows)
    ]
    if keys.rank == 1 and not moves:
        parts = [part for row in range(rows) for part in _marks(keys, (0, row), (left, top))]
        out.append(group(0, [*parts, *_captions(captions[0], below)], moves=False))
    else:
        out += [
            group(
                place,
                [*_marks(keys, query, (left, top)), *_captions(texts, below)],
                moves=moves,
            )
            for place, (query, texts) in enumerate(zip(queries, captions, strict=True))
        ]
    out.append(label(MARGIN, below + _LINE * most, legend))
    return "\n".join([*out, "</svg>"]) + "\n"


def _shown_rows(keys: Keys) -> int:
    return keys.columns.shown if keys.rank == 1 else keys.rows.shown


def _place(left: float, top: float, row: int, column: int) -> Point:
    return left + column * PITCH, top + row * PITCH


def _marks(keys: Keys, query: Query, corner: Point) -> list[str]:
    """The keys of a query, and its own place."""
    columns = range(min(keys.columns.size, keys.columns.shown))
    rows = range(1) if keys.rank == 1 else range(min(keys.rows.size, keys.rows.shown))
    # Of a sequence, each query has a row of its own.
    line = query[1] if keys.rank == 1 else 0
    places: dict[str, list[Point]] = {"key": [], "apart": []}
    for row in rows:
        for column in columns:
            state = keys.state(query, row, column)
            if state != "position":
                places[state].append(_place(*corner, row + line, column))
    out = []
    if places["key"]:
        out.append(f'<path class="t" d="{squares(places["key"])}"/>')
    if places["apart"]:
        path = squares(places["apart"])
        out.append(f'<path class="q" d="{path}"/><path fill="url(#h)" d="{path}"/>')
    if keys.same_map and query[1] in columns and (keys.rank == 1 or query[0] in rows):
        x, y = _place(*corner, line if keys.rank == 1 else query[0], query[1])
        out.append(
            f'<rect class="w" x="{number(x)}" y="{number(y)}" width="{number(CELL)}"'
            f' height="{number(CELL)}" rx="2"/>'
        )
    return out


def _captions(texts: Sequence[str], below: float) -> list[str]:
    return [
        label(MARGIN, below + _LINE * line, text, "" if line else "f")
        for line, text in enumerate(texts)
    ]


def _legend(keys: Keys, queries: Sequence[Query]) -> str:
    parts = ["filled: keys that the query reads"]
    if any(["url(#h)" in mark for query in queries for mark in _marks(keys, query, (0, 0))]):
        parts.append("hatched: kept apart by the shift")
    if keys.same_map:
        parts.append("outlined: the query")
    if keys.rank == 1:
        parts = ["rows: queries, columns: keys", *parts]
    return " \u00b7 ".join(parts)
