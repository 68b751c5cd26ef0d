"""Writes the visible part of a network as text that mermaid and Graphviz draw."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from convcalc.render.drawing.colours import LIGHT
from convcalc.render.drawing.picture import (
    Cell,
    Column,
    Fan,
    Frame,
    Heads,
    Item,
    Picture,
    heading,
    subtitle,
)

#: Characters besides letters and digits that are syntax nowhere within a label.
_PLAIN = " .,:+-/%_()[]\u00d7\u00b7\u2013\u2192\u2026\u2212\u00f7?"
#: The outlines of a difference.
_DOT_OUTLINES = {
    "added": f', color="{LIGHT.added}", penwidth=2',
    "removed": f', color="{LIGHT.removed}", style="rounded,filled,dashed"',
    "changed": f', color="{LIGHT.changed}", penwidth=2',
}
#: Writes the lines of a node and of the start and the end of a group.
_Node = Callable[[Cell], str]
_Start = Callable[[Frame, int], str]


def mermaid_text(made: Picture) -> str:
    """A flowchart for mermaid, which GitHub draws in Markdown between fences."""

    def node(cell: Cell) -> str:
        text = "<br/>".join([_mermaid_escaped(line) for line in _lines(cell)])
        start, end = {"pill": ('(["', '"])'), "circle": ('(("', '"))')}.get(cell.form, ('["', '"]'))
        return f"n{cell.order}{start}{text}{end}:::{cell.mark or f'k{_tint(cell)}'}"

    def start(frame: Frame, number: int) -> str:
        return f'subgraph g{number}["{_mermaid_escaped(_title(frame))}"]'

    out = ["flowchart TB", f"%% {_comment(made)}"]
    out += _nested(made, node, start, "end")
    for cell in made.cells:
        for value in cell.reads:
            text = made.text_on_line(value)
            label = f'|"{_mermaid_escaped(text)}"|' if text else ""
            out.append(f"  n{made.home[value].order} -->{label} n{cell.order}")
    out += [f"  n{source} -.-> n{target}" for source, target in _stems(made)]
    for number, tint in enumerate(LIGHT.tints):
        out.append(f"  classDef k{number} fill:{tint},stroke:{LIGHT.node},color:{LIGHT.text}")
    groups = len([line for line in out if line.lstrip().startswith("subgraph ")])
    if groups:
        colours = f"fill:{LIGHT.panel},stroke:{LIGHT.group},color:{LIGHT.second}"
        names = ",".join([f"g{number}" for number in range(groups)])
        out += [f"  classDef group {colours}", f"  class {names} group"]
    if made.change is not None:
        fill = f"fill:{LIGHT.page},color:{LIGHT.text}"
        out += [
            f"  classDef added {fill},stroke:{LIGHT.added},stroke-width:2px",
            f"  classDef removed {fill},stroke:{LIGHT.removed},stroke-dasharray:4 3",
            f"  classDef changed {fill},stroke:{LIGHT.changed},stroke-width:2px",
        ]
    return "\n".join(out) + "\n"


def _mermaid_escaped(text: str) -> str:
    """Every character that mermaid or HTML reads as syntax as its number.

    >>> _mermaid_escaped('a"b<script>#1;')
    'a#34;b#60;script#62;#35;1#59;'
    """
    return "".join([c if c.isalnum() or c in _PLAIN else f"#{ord(c)};" for c in text])


def dot_text(made: Picture) -> str:
    """A directed graph for Graphviz."""

    def node(cell: Cell) -> str:
        text = "\\n".join([_dot_escaped(line) for line in _lines(cell)])
        shape = {"circle": "circle", "pill": "box"}.get(cell.form, "box")
        fill = LIGHT.tints[_tint(cell)]
        fill = "#ffffff" if fill == "#fff" else fill
        outline = _DOT_OUTLINES.get(cell.mark, "")
        return f'n{cell.order} [label="{text}", shape={shape}, fillcolor="{fill}"{outline}];'

    def start(frame: Frame, number: int) -> str:
        label = _dot_escaped(_title(frame))
        return f'subgraph cluster{number} {{ label="{label}"; color="{LIGHT.group}";'

    out = [
        f'digraph "{_dot_escaped(heading(made))}" {{',
        f"  // {_comment(made)}",
        (
            '  node [style="rounded,filled", fontname="Helvetica", fontsize=10,'
            f' color="{LIGHT.node}", fontcolor="{LIGHT.text}"];'
        ),
        f'  edge [fontname="Helvetica", fontsize=9, color="{LIGHT.edge}"];',
    ]
    out += _nested(made, node, start, "}")
    for cell in made.cells:
        for value in cell.reads:
            text = made.text_on_line(value)
            label = f' [label="{_dot_escaped(text)}"]' if text else ""
            out.append(f"  n{made.home[value].order} -> n{cell.order}{label};")
    out += [f"  n{source} -> n{target} [style=dashed];" for source, target in _stems(made)]
    return "\n".join([*out, "}"]) + "\n"


def _dot_escaped(text: str) -> str:
    r"""A text for the quotes of dot.

    >>> _dot_escaped('a"b\\n')
    'a\\"b\\\\n'
    """
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _comment(made: Picture) -> str:
    # Nothing in the name ends the comment, or begins a directive of mermaid.
    return "".join([c if c.isalnum() or c in _PLAIN else "?" for c in heading(made)]) + (
        f": {subtitle(made)}"
    )


def _stems(made: Picture) -> list[tuple[int, int]]:
    """Where removed layers were: the nodes before them and their first ones."""
    if made.change is None:
        return []
    same = made.same
    pairs = [
        (made.home[same[source]].order, made.home[same[target]].order)
        for source, target in made.change.stems
    ]
    return list(dict.fromkeys([pair for pair in pairs if pair[0] != pair[1]]))


def _title(frame: Frame) -> str:
    parts = [frame.title]
    if frame.times > 1:
        parts.append(f"\u00d7{frame.times}")
    if frame.share:
        parts.append(frame.share)
    return " ".join(parts)


def _lines(cell: Cell) -> list[str]:
    """What stands in a node, line by line."""
    if cell.form == "circle":
        return [line for line in (cell.sign, cell.second) if line]
    first = f"{cell.title} \u00d7{cell.times}" if cell.times > 1 else cell.title
    return [line for line in (first, cell.second, cell.share) if line]


def _tint(cell: Cell) -> int:
    return cell.tint if cell.form == "box" else 0


def _nested(made: Picture, node: _Node, start: _Start, end: str) -> list[str]:
    """The nodes, those of a group between its start and its end."""
    groups = 0

    def lines(item: Item, indent: str) -> Iterator[str]:
        nonlocal groups
        match item:
            case Cell():
                yield f"{indent}{node(item)}"
            case Frame(body=body):
                yield f"{indent}{start(item, groups)}"
                groups += 1
                yield from column(body, f"{indent}  ")
                yield f"{indent}{end}"
            case Fan(branches=branches) | Heads(branches=branches):
                for arm in branches:
                    if arm.column is not None:
                        yield from column(arm.column, indent)
                if isinstance(item, Fan):
                    yield f"{indent}{node(item.cell)}"

    def column(items: Column, indent: str) -> Iterator[str]:
        for item in items.items:
            yield from lines(item, indent)

    return list(column(made.top, "  "))
