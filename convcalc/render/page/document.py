"""The frame of a page: one HTML file with its style and its scripts, and parts of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from convcalc.analysis.costs.explain import explain
from convcalc.analysis.units import Unit, description
from convcalc.graph import Network
from convcalc.render.drawing.picture import times
from convcalc.render.drawing.svg import escape
from convcalc.render.explain import explanation_lines
from convcalc.render.table import RIGHT, Cell, Table, cell_text

#: Nothing is loaded and nothing is sent, whatever a name in the file says.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
#: The figures of the head of a page.
FIGURES = ("params", "macs", "flops", "weights", "peak_in_place", "layers")
#: The scripts, each after those that it uses.
_SCRIPTS = ("drawing.js", "window.js", "page.js")


def document(
    title: str, header: str, left: str, sections: Sequence[str], data: Mapping[str, Any]
) -> str:
    """A page.

    title  of the window;  header, left  HTML of its head and of its left column
    sections  HTML of the middle;  data  what the scripts read
    """
    scripts = '"use strict";\n' + "".join([_part(name) for name in _SCRIPTS])
    layer = 'id="layer" aria-live="polite" aria-label="Selected layer" class="none"'
    lines = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        f"<title>{escape(title)}</title>",
        f"<style>{_part('page.css')}</style></head>",
        f"<body><header>{header}</header>",
        "<main>",
        left,
        "<div>",
        *sections,
        "</div>",
        f"<section {layer}></section>",
        "</main>",
        f'<script type="application/json" id="data">{_json(data)}</script>',
        f"<script>{scripts}</script></body></html>",
    ]
    return "\n".join(lines) + "\n"


def _part(name: str) -> str:
    """A style sheet or a script without indentation and comments, which a page does not need."""
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    lines = [line.lstrip() for line in text.splitlines()]
    return "".join([f"{line}\n" for line in lines if line and not line.startswith("//")])


def section(name: str, heading: str, content: str) -> str:
    """A section with a heading, by which the script and the style find it."""
    return (
        f'<section id="{name}" aria-labelledby="{name}-title">'
        f'<h2 id="{name}-title">{heading}</h2>{content}</section>'
    )


def anchor(unit: Unit) -> str:
    """The name of a layer's row, which an address in the page ends with."""
    return f"l-{unit.index}"


def kind_text(unit: Unit) -> str:
    """What a unit does, with what is fused to it."""
    inputs = [shape[1:] for shape in unit.members[0].inputs] if unit.members else []
    return times(description(list(unit.nodes), inputs)) if unit.members else "input"


#: The columns of the table of layers: their titles, and the classes of their cells.
Heads = Sequence[tuple[str, str]]


def layer_rows(heads: Heads, rows: Sequence[str]) -> str:
    """The table of layers, which the script sorts and filters."""
    classes = [f' class="{kind}"' if kind else "" for _, kind in heads]
    titles = [
        f'<th scope="col"{kind}>{title}</th>'
        for (title, _), kind in zip(heads, classes, strict=True)
    ]
    return (
        '<div class="controls pick" hidden><label>Filter <input type="search" id="filter"></label>'
        '<span id="shown" role="status"></span></div><div class="scroll"><table>'
        f"<thead><tr>{''.join(titles)}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def table_html(table: Table) -> str:
    """A neutral table as HTML, without its title."""
    columns = table.columns

    def row(cells: Sequence[Cell], tag: str) -> str:
        texts = []
        for cell, column in zip(cells, columns, strict=True):
            kind = ' class="right"' if column.style in RIGHT else ""
            texts.append(f"<{tag}{kind}>{escape(cell_text(cell, column))}</{tag}>")
        return f"<tr>{''.join(texts)}</tr>"

    kinds = [" class=right" if column.style in RIGHT else "" for column in columns]
    heads = [
        f'<th scope="col"{kind}>{escape(column.title)}</th>' if column.title else "<td></td>"
        for kind, column in zip(kinds, columns, strict=True)
    ]
    foot = f"<tfoot>{row(table.totals, 'td')}</tfoot>" if table.totals else ""
    notes = "".join([f'<p class="note">{escape(note)}</p>' for note in table.notes])
    return (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{"".join(heads)}</tr></thead>'
        f"<tbody>{''.join([row(cells, 'td') for cells in table.rows])}</tbody>{foot}</table></div>"
        f"{notes}"
    )


def _json(data: object) -> str:
    """JSON that no name in it can leave."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


#: Layers of which formulas are shown; a page of more would grow too large.
_MOST_FORMULAS = 1500


class Formulas:
    """The lines of all formulas, each written once."""

    def __init__(self, layers: int) -> None:
        self._few = layers <= _MOST_FORMULAS
        self._known: dict[str, int] = {}

    @property
    def strings(self) -> list[str]:
        """The lines by their numbers."""
        return list(self._known)

    def add(self, network: Network, unit: Unit) -> list[list[int]]:
        """The numbers of a unit's lines, for each of its operations."""
        found = []
        for member in unit.members if self._few else ():
            lines = explanation_lines(explain(network, member.node), drawn=False)
            found.append([self._known.setdefault(line, len(self._known)) for line in lines])
        return found
