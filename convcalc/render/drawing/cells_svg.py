"""Grids of cells in SVG, which windows are drawn on: the style sheet, the cells, what moves."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.render.drawing.colours import FONT
from convcalc.render.drawing.svg import escape, number
from convcalc.render.drawing.text import width

#: From one cell to the next; a cell; the margin of a picture; the baseline of its title.
PITCH, CELL, MARGIN, TOP = 26.0, 24.0, 16.0, 24.0
_SECONDS = 0.9
#: The most positions that move: more would make a large file that nobody watches to its end.
MOST_FRAMES = 25
#: The most bytes of a file: a moving picture of many cells goes over fewer positions.
LARGEST = 20 * 1024

_LIGHT = (
    ".bg{fill:#fff}text{fill:#5b6675}.h,.f,.v{fill:#1c2430}.i{fill:#e8eff6;stroke:#b4c2d0}"
    ".p{fill:#fff;stroke:#b4bdc8}.u{fill:#fff;stroke:#b4c2d0}.hp{stroke:#b4c2d0}"
    ".t{fill:#f4c9a8;stroke:#b4622a}.q{fill:#fdf1e7;stroke:#b4622a}"
    ".w,.g,.ln,.ar{stroke:#a8480f}.tk{fill:#a8480f}.c{fill:#f4c9a8;stroke:#a8480f}"
)
_DARK = (
    ".bg{fill:#12171e}text{fill:#9aa7b6}.h,.f,.v{fill:#e8edf3}.i{fill:#243140;stroke:#465a70}"
    ".p{fill:#12171e;stroke:#465263}.u{fill:#12171e;stroke:#465a70}.hp{stroke:#465a70}"
    ".t{fill:#7a431d;stroke:#f0a26a}.q{fill:#2c2119;stroke:#f0a26a}"
    ".w,.g,.ln,.ar{stroke:#f0a26a}.tk{fill:#f0a26a}.c{fill:#7a431d;stroke:#f0a26a}"
)
_STYLE = (
    f"text{{font-family:{FONT};font-size:11px;font-variant-numeric:tabular-nums}}"
    ".h{font-size:13px;font-weight:700}.f{font-size:12px}.m{text-anchor:middle}.e{text-anchor:end}"
    ".p,.q{stroke-dasharray:2.5 2.5}.w{fill:none;stroke-width:2}.c{stroke-width:2}"
    ".g{fill:none;stroke-width:1.2;stroke-dasharray:4 3}.ar{stroke-width:1.3}"
    ".ln{stroke-width:.8;stroke-dasharray:3 3;fill:none}"
)


_HATCH = (
    '<defs><pattern id="h" width="5" height="5" patternUnits="userSpaceOnUse"'
    ' patternTransform="rotate(45)"><path class="hp" d="M0 0v5" stroke-width="1.4"/>'
    "</pattern></defs>"
)


def title_room(title: str) -> float:
    """How wide a picture must be for its title; names are wider in DejaVu Sans than other words."""
    return width(title, 13, bold=True) * 1.08 + 2 * MARGIN


def document(size: tuple[float, float], title: str, about: str, moving: int) -> list[str]:
    """The first lines of a file: all but its end.

    about   what the picture shows, for who does not see it
    moving  how many groups made by `group` are shown one after the other; 0 if nothing moves
    """
    sizes = f'width="{number(size[0])}" height="{number(size[1])}"'
    box = f'viewBox="0 0 {number(size[0])} {number(size[1])}"'
    names = f'role="img" aria-label="{escape(f"{title}. {about}")}"'
    dark = f"@media (prefers-color-scheme:dark){{{_DARK}}}"
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box} {sizes} {names}>',
        f"<style>{_STYLE}{_LIGHT}{dark}{_motion(moving)}</style>",
        _HATCH,
        f'<rect class="bg" {sizes}/>',
        label(MARGIN, TOP, title, "h"),
    ]


def group(place: int, parts: Sequence[str], *, moves: bool) -> str:
    """What one position shows; of a moving picture, all but the first are hidden at first."""
    if not moves:
        return f"<g>{''.join(parts)}</g>"
    hidden = ' visibility="hidden"' if place else ""
    return f'<g class="k d{place}"{hidden}>{"".join(parts)}</g>'


def _motion(count: int) -> str:
    """The style by which one position is shown after the other."""
    if not count:
        return ""
    seconds = number(_SECONDS * count)
    share = f"{100 / count:.3f}"
    delays = "".join([f".d{n}{{animation-delay:{number(n * _SECONDS)}s}}" for n in range(1, count)])
    return (
        f".k{{animation:k {seconds}s step-end infinite}}"
        f"@keyframes k{{0%{{visibility:visible}}{share}%,100%{{visibility:hidden}}}}{delays}"
        "@media (prefers-reduced-motion:reduce){.k{animation:none}}"
    )


def squares(places: Sequence[tuple[float, float]]) -> str:
    """Cells, each from the one before it."""
    (x, y), *others = places
    out = [f"M{number(x)} {number(y)}"]
    for after, below in others:
        out.append(f"m{number(after - x)} {number(below - y)}")
        x, y = after, below
    return "".join([f"{step}h24v24h-24z" for step in out])


def texts_in_row(y: float, texts: Sequence[tuple[float, str]], classes: str) -> str:
    """Texts beside each other."""
    if all([len(text) == 1 for _, text in texts]):
        xs = " ".join([number(x) for x, _ in texts])
        digits = "".join([text for _, text in texts])
        return f'<text x="{xs}" y="{number(y)}" class="{classes}">{digits}</text>'
    parts = [f'<tspan x="{number(x)}">{text}</tspan>' for x, text in texts]
    return f'<text y="{number(y)}" class="{classes}">{"".join(parts)}</text>'


def minus(value: int) -> str:
    """A number with the sign for minus."""
    return str(value).replace("-", "\u2212")


def label(x: float, y: float, text: str, classes: str = "") -> str:
    """A text at its place."""
    named = f' class="{classes}"' if classes else ""
    return f'<text x="{number(x)}" y="{number(y)}"{named}>{escape(text)}</text>'
