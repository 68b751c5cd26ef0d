"""The colours of drawings, light and dark, and the styles that use them."""

from __future__ import annotations

from convcalc.record import Record


class Palette(Record):
    """The colours of one theme; `tints` by how much a node costs, from nothing up."""

    page: str
    panel: str
    text: str
    second: str
    figures: str
    group: str
    node: str
    edge: str
    tints: tuple[str, ...]
    bar: str
    selected: str
    added: str
    removed: str
    changed: str


LIGHT = Palette(
    page="#fff",
    panel="#f6f8fa",
    text="#1c2430",
    second="#5b6675",
    figures="#3d4856",
    group="#d5dbe3",
    node="#b9c2ce",
    edge="#8491a2",
    tints=("#fff", "#f3f8fc", "#e3eff9", "#cfe3f4", "#b3d3ee", "#92c0e6"),
    bar="#1763a6",
    selected="#a8480f",
    added="#0b7a5b",
    removed="#b3541e",
    changed="#7a5bb0",
)
DARK = Palette(
    page="#12171e",
    panel="#181f28",
    text="#e8edf3",
    second="#9aa7b6",
    figures="#c3cdd9",
    group="#2c3642",
    node="#465263",
    edge="#6d7a8b",
    tints=("#1d2530", "#1c2936", "#1b3044", "#1a3a57", "#1a466c", "#1b5484"),
    bar="#6db3f2",
    selected="#f0a26a",
    added="#3fbf95",
    removed="#e08a4f",
    changed="#b79be6",
)

FONT = "\"Helvetica Neue\", Helvetica, Arial, 'Liberation Sans', sans-serif".replace("'", '"')


def style(dark: bool, *, marked: bool = False) -> str:
    """The style sheet of a drawing: dark, or light with the dark colours where the reader is dark.

    Colours are literal, since several programs that show SVG know no variables.

    marked  whether it has the outlines of a difference
    """
    sizes = (
        f"text{{font-family:{FONT};font-size:10.5px;font-variant-numeric:tabular-nums}}"
        ".t{font-size:12px;font-weight:700}.b{font-weight:700}"
        ".h{font-size:16px;font-weight:700}.n{font-size:11px;font-weight:700}"
        ".e{text-anchor:end}.m{text-anchor:middle}"
        ".l{fill:none;stroke-width:1.25}.s{fill:none;stroke-width:1.6}"
        ".c{stroke-width:3;stroke-linecap:round}.u{stroke-dasharray:4 3}"
    )
    if marked:
        sizes += ".A,.R,.V{stroke-width:2}.R{stroke-dasharray:4 3}.l.R{stroke-width:1.25}"
    light, night = [_rules(palette, marked=marked) for palette in (LIGHT, DARK)]
    if dark:
        return sizes + night
    return f"{sizes}{light}@media (prefers-color-scheme:dark){{{night}}}"


def _rules(palette: Palette, *, marked: bool) -> str:
    tints = "".join([f".k{n}{{fill:{tint}}}" for n, tint in enumerate(palette.tints)])
    outlines = (
        f".A{{stroke:{palette.added}}}.R{{stroke:{palette.removed}}}"
        f".V{{stroke:{palette.changed}}}.a.R{{fill:{palette.removed}}}"
    )
    return (
        f".p{{fill:{palette.page}}}.g{{fill:{palette.panel};stroke:{palette.group}}}"
        f"text{{fill:{palette.second}}}.t,.h{{fill:{palette.text}}}.n{{fill:{palette.second}}}"
        f".f{{fill:{palette.figures}}}.w{{fill:{palette.text}}}"
        f".r{{stroke:{palette.node}}}.l{{stroke:{palette.edge}}}.a{{fill:{palette.edge}}}"
        f".s{{stroke:{palette.text}}}.c{{stroke:{palette.bar}}}{tints}{outlines if marked else ''}"
    )
