"""Writes the picture of a chain's maps as SVG."""

from __future__ import annotations

from convcalc.problems import printable
from convcalc.render.drawing.picture import times
from convcalc.render.drawing.ports import Point
from convcalc.render.drawing.svg import escape, number
from convcalc.render.drawing.text import shortened
from convcalc.render.drawing.volumes import Volumes
from convcalc.render.drawing.volumes_layout import KIND_SIZE, SHAPE_SIZE, Body, Label, layout
from convcalc.shapes import cross_text

_FONT = '"Times New Roman",Times,"Liberation Serif",serif'
#: For each family: front, top and lighter maps, side and maps behind, band, outline.
_LIGHT = {
    "input": ("#f1f3f5", "#f8f9fb", "#e1e5ea", "#c5ccd5", "#75808d"),
    "conv": ("#dbe8f4", "#e8f1f9", "#c3d8ed", "#6e9cc8", "#4a7fb0"),
    "pool": ("#f3d9bf", "#fae9d9", "#e9c39b", "#c78c52", "#b0713a"),
    "dense": ("#e3deef", "#eeebf6", "#d2cae5", "#9d8dc7", "#7a67ab"),
    "other": ("#dfeee2", "#ebf5ed", "#c9e0ce", "#7fae8a", "#4f8a5e"),
}
_DARK = {
    "input": ("#2a323c", "#353e49", "#222a33", "#4b5664", "#8a96a4"),
    "conv": ("#1f3d5b", "#284b6e", "#19334d", "#5f98cf", "#6ea6dc"),
    "pool": ("#543619", "#664522", "#452c14", "#c88a50", "#d79a62"),
    "dense": ("#3b3160", "#483d73", "#312850", "#9482cf", "#a594dc"),
    "other": ("#1f4430", "#29533b", "#193827", "#62a878", "#74ba8b"),
}
_PARTS = {"front": "f", "top": "t", "side": "s", "band": "b", "behind": "s"}
_LETTERS = {"input": "i", "conv": "c", "pool": "p", "dense": "d", "other": "o"}


def volumes_svg(made: Volumes, *, dark: bool = False) -> str:
    """The picture as an SVG file; dark, or else as the reader's screen is."""
    found = layout(made)
    size = f'width="{number(found.width)}" height="{number(found.height)}"'
    name = shortened(printable(made.network.name, 200), 60)
    box = f'viewBox="0 0 {number(found.width)} {number(found.height)}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box} role="img">',
        f"<title>{escape(name)}</title>",
        f"<desc>{escape(_description(made))}</desc>",
        f"<style>{_style(dark)}</style>",
        f'<rect class="bg" {size}/>',
    ]
    lines += [_line(joint, "j") for joint in found.joints]
    lines += [_body(body) for body in found.bodies]
    lines += [_line(ray, "r") for ray in found.rays]
    lines += [f'<path class="w" d="{_outline(points)}"/>' for points in found.windows]
    lines += [f'<circle class="e" cx="{number(x)}" cy="{number(y)}" r="2"/>' for x, y in found.dots]
    lines += [_label(label) for label in found.labels]
    return "\n".join([*lines, "</svg>"]) + "\n"


def _description(made: Volumes) -> str:
    """What the picture shows, for who does not see it, and what it leaves out."""
    shown = ", ".join([f"{block.shape} ({', '.join(block.lines)})" for block in made.blocks])
    if not made.left_out:
        return shown
    paths = ", ".join([printable(path, 60) for path in made.left_out[:20]])
    more = ", ..." if len(made.left_out) > 20 else ""
    return f"{shown}. Not drawn, since they change no shape: {paths}{more}"


def _style(dark: bool) -> str:
    sizes = (
        f"text{{font-family:{_FONT};font-size:{number(KIND_SIZE)}px;text-anchor:middle}}"
        f".h{{font-size:{number(SHAPE_SIZE)}px}}path{{stroke-width:.7;stroke-linejoin:round}}"
        ".w{fill:none;stroke-width:1.1}.r{stroke-dasharray:3 2}.j{stroke-dasharray:3 2}"
    )
    light, night = _rules(dark=False), _rules(dark=True)
    if dark:
        return sizes + night
    return f"{sizes}{light}@media (prefers-color-scheme:dark){{{night}}}"


def _rules(*, dark: bool) -> str:
    page, text, second, window, joint = (
        ("#12171e", "#e8edf3", "#9aa7b6", "#f0a26a", "#8a96a4")
        if dark
        else ("#fff", "#1c2430", "#5b6675", "#a8480f", "#75808d")
    )
    rules = [
        f".bg{{fill:{page}}}text{{fill:{second}}}.h{{fill:{text}}}",
        f".w,.r{{stroke:{window}}}.e{{fill:{window}}}.j{{stroke:{joint}}}",
    ]
    for family, colours in (_DARK if dark else _LIGHT).items():
        letter = _LETTERS[family]
        *fills, outline = colours
        rules.append(f".{letter} path{{stroke:{outline}}}")
        rules += [
            f".{letter} .{part}{{fill:{fill}}}" for part, fill in zip("ftsb", fills, strict=True)
        ]
    return "".join(rules)


def _body(body: Body) -> str:
    unit = body.solid.unit
    shape = times(cross_text(body.solid.shape)) or "one value"
    about = f"{printable(unit.path, 200)}: {unit.summary}\n{shape}"
    faces = [
        f'<path class="{_PARTS[face.part]}" d="{_outline(face.points)}"/>' for face in body.faces
    ]
    title = f"<title>{escape(about)}</title>"
    return f'<g class="{_LETTERS[body.solid.family]}">{title}{"".join(faces)}</g>'


def _outline(points: tuple[Point, ...]) -> str:
    """A closed path."""
    ends = "L".join([f"{number(x)} {number(y)}" for x, y in points])
    return f"M{ends}Z"


def _line(ends: tuple[Point, Point], classes: str) -> str:
    (ax, ay), (bx, by) = ends
    return f'<path class="{classes}" d="M{number(ax)} {number(ay)}L{number(bx)} {number(by)}"/>'


def _label(label: Label) -> str:
    named = ' class="h"' if label.size == SHAPE_SIZE else ""
    return f'<text x="{number(label.x)}" y="{number(label.y)}"{named}>{escape(label.text)}</text>'
