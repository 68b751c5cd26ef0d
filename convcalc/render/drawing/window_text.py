"""The windows of a layer in characters, for a terminal."""

from __future__ import annotations

from convcalc.render.drawing.window import Frame, Scene, frame, never_read, part, sentence

_INPUT, _PADDING, _READ, _READ_PADDING, _UNREAD = "\u25a1", "\u00b7", "\u25a0", "\u25aa", "\u00d7"
_MORE = "\u2026"


def window_lines(scene: Scene) -> list[str]:
    """The two maps side by side, the window at the default position, and what it reads."""
    row, column = scene.default
    shown = frame(scene, 0, row, column)
    wide, narrow = _wide(scene, shown), _narrow(scene, shown)
    left, right = (narrow, wide) if scene.scatters else (wide, narrow)
    lines = _beside(left, right)
    used = {character for line in wide for character in line}
    legend = [
        (_INPUT, scene.wide_text),
        (_PADDING, "cut off" if scene.scatters else "padding"),
        (_READ, "written" if scene.scatters else "read"),
        (_READ_PADDING, "written, cut off" if scene.scatters else "read, padding"),
        (_UNREAD, "never read"),
        (_MORE, "more"),
    ]
    known = "  ".join([f"{mark} {text}" for mark, text in legend if mark in used])
    rest = [text for text in (sentence(scene, shown), never_read(scene)) if text]
    if scene.rank > 2:
        rest.append(f"plane 0 of the {scene.depth.wide}" if scene.whole else part(scene))
    return [*lines, "", f"  {known}", *[f"  {text.replace(chr(0x2212), '-')}" for text in rest]]


def _wide(scene: Scene, shown: Frame) -> list[str]:
    """The map that the window slides on, a line for each row."""
    rows, columns = scene.rows, scene.columns
    read_rows, read_columns = rows.read(shown.row), columns.read(shown.column)
    first, last = read_columns[0], read_columns[-1]
    lines = [_heading(columns.positions)]
    for y in rows.positions:
        cells = []
        within = read_rows[0] <= y <= read_rows[-1]
        for x in columns.positions:
            state = scene.state(y, x)
            mark = {"cell": _INPUT, "padding": _PADDING, "unread": _UNREAD}[state]
            if y in read_rows and x in read_columns:
                mark = _READ_PADDING if state == "padding" else _READ
            start = "[" if within and x == first else " "
            end = "]" if within and x == last else " "
            cells.append(f"{start}{mark}{end}")
        more = f" {_MORE}" if columns.shown < columns.wide else ""
        label = f"{y:4}" if scene.rank > 1 else " " * 4
        lines.append(f"{label}  {''.join(cells)}{more}".rstrip())
    if rows.shown < rows.wide:
        lines.append(f"   {_MORE}")
    return lines


def _narrow(scene: Scene, shown: Frame) -> list[str]:
    """The map whose cells are the positions of the window."""
    rows, columns = scene.rows, scene.columns
    lines = [_heading(range(columns.places))]
    for y in range(rows.places):
        marks = [
            _READ if (y, x) == (shown.row, shown.column) else _INPUT for x in range(columns.places)
        ]
        more = f" {_MORE}" if columns.places < columns.narrow else ""
        label = f"{y:4}" if scene.rank > 1 else " " * 4
        lines.append(f"{label}  {''.join([f' {mark} ' for mark in marks])}{more}".rstrip())
    if rows.places < rows.narrow:
        lines.append(f"   {_MORE}")
    return lines


def _heading(positions: range) -> str:
    return (" " * 6 + "".join([f"{position:2} " for position in positions])).rstrip()


def _beside(left: list[str], right: list[str]) -> list[str]:
    """Two blocks of lines side by side, in the middle of each other."""
    across = max([len(line) for line in left]) + 4
    height = max(len(left), len(right))
    above_left, above_right = (height - len(left)) // 2, (height - len(right)) // 2
    left = [*[""] * above_left, *left]
    right = [*[""] * above_right, *right]
    lines = []
    for number in range(height):
        first = left[number] if number < len(left) else ""
        second = right[number] if number < len(right) else ""
        lines.append(f"{first.ljust(across)}{second}".rstrip())
    return lines
