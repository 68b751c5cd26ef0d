"""Which keys a query reads, in characters, for a terminal."""

from __future__ import annotations

from convcalc.render.drawing.keys import KeyAxis, Keys, notes, sentence

_MARKS = {"position": "\u25a1", "key": "\u25a0", "apart": "\u00d7"}
_MORE = "\u2026"


def keys_lines(keys: Keys) -> list[str]:
    """The keys of one query of a map; of a sequence, those of every query, a line each."""
    query = keys.default
    lines = [_heading(keys.columns)]
    if keys.rank == 1:
        shown = min(keys.columns.queries, keys.columns.shown)
        lines += [_line(keys, (0, at), 0, at, outlined=False) for at in range(shown)]
        more = keys.columns.queries > shown
    else:
        shown = min(keys.rows.size, keys.rows.shown)
        lines += [_line(keys, query, row, row, outlined=keys.same_map) for row in range(shown)]
        more = keys.rows.size > shown
    if more:
        lines.append(f"   {_MORE}")
    used = {character for line in lines for character in line}
    legend = [
        (_MARKS["position"], "position"),
        (_MARKS["key"], "key that the query reads"),
        (_MARKS["apart"], "kept apart by the shift"),
        ("[", "the query"),
        (_MORE, "more"),
    ]
    known = "  ".join(
        [f"{'[ ]' if mark == '[' else mark} {text}" for mark, text in legend if mark in used]
    )
    if keys.rank == 1:
        known = f"rows: queries, columns: keys  {known}"
    rest = [sentence(keys, query), *notes(keys, query)]
    return [*lines, "", f"  {known}", *[f"  {text}" for text in rest]]


def _line(keys: Keys, query: tuple[int, int], row: int, number: int, *, outlined: bool) -> str:
    columns = keys.columns
    cells = []
    for column in range(min(columns.size, columns.shown)):
        mark = _MARKS[keys.state(query, row, column)]
        cells.append(f"[{mark}]" if outlined and (row, column) == query else f" {mark} ")
    more = f" {_MORE}" if columns.size > columns.shown else ""
    return f"{number:4}  {''.join(cells)}{more}".rstrip()


def _heading(axis: KeyAxis) -> str:
    places = range(min(axis.size, axis.shown))
    return (" " * 6 + "".join([f"{place:2} " for place in places])).rstrip()
