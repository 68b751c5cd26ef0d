"""Problems as text: the place, the line with a caret, the facts, one hint."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.facts import worded
from convcalc.problems import Call, Problem, Span, printable
from convcalc.render.table import display_width, wrapped

#: Characters of a source line that are shown; the part around the mistake is chosen.
_LINE_WIDTH = 100
#: Columns that a drawing takes at least, however narrow the terminal is.
_NARROWEST = 40
#: Characters of a message or a fact.
_LONGEST = 5000
#: Escape sequences of a terminal: the colour of each level, of the margin and of a fact's label.
_LEVELS = {"error": "1;31", "warning": "1;33", "note": "1;36"}
_BOLD, _MARGIN, _LABEL = "1", "34", "36"


def diagnostics_text(
    problems: Sequence[Problem],
    level: str = "error",
    width: int | None = None,
    colours: bool = False,
) -> str:
    """All problems, each drawn, and how many there are where there are several."""
    drawn = [diagnostic_text(problem, level, width, colours) for problem in problems]
    if len(problems) > 1:
        drawn.append(f"{len(problems)} {level}s\n")
    return "\n".join(drawn)


def diagnostic_text(
    problem: Problem, level: str = "error", width: int | None = None, colours: bool = False
) -> str:
    """One problem: a first line that can be grepped, the source with a caret, labelled facts.

    Inside a block, the calls that led there follow, innermost first. `level` is "error", or
    "warning" for what does not fail. With the `width` of a terminal, texts are broken at words and
    source lines cut to it; with `colours`, what it is about stands out.
    """
    margin = 1
    if problem.span is not None:
        spans = [problem.span, *[call.span for call in problem.calls]]
        margin = max(len(str(span.line)) for span in spans) + 1
    space = _LINE_WIDTH
    if width is not None:
        width = max(width, _NARROWEST)
        space = min(space, width - margin - len("| ......"))

    def text(line: str) -> str:
        return line if width is None else wrapped(line, width, hanging=4)

    def begun(line: str, *parts: tuple[str, str]) -> str:
        """A line that begins with these parts, each in its colour."""
        if not colours or not line.startswith("".join([part for part, _ in parts])):
            return line  # the first break is within them
        rest = line[sum([len(part) for part, _ in parts]) :]
        painted = [_painted(part, colour) for part, colour in parts if part]
        return "".join([*painted, rest])

    place = f"{problem.span}: " if problem.span else ""
    name = f"{level}[{problem.code}]"
    caret = _LEVELS[level] if colours else ""
    first = text(printable(f"{place}{name}: {problem.text}", _LONGEST))
    lines = [begun(first, (printable(place, _LONGEST), _BOLD), (name, _LEVELS[level]))]
    if problem.span is not None:
        lines += _source(problem.span, margin, space, caret)
    for call in reversed(problem.calls):
        lines.append(text(f"{' ' * margin}: in {_call(call)}"))
        lines += _source(call.span, margin, space, caret)[1:]
    for label, fact in worded(problem.facts):
        line = text(f"{' ' * margin}= {label}: {printable(fact, _LONGEST)}")
        lines.append(begun(line, (f"{' ' * margin}= {label}:", _LABEL)))
    return "\n".join(lines) + "\n"


def _painted(text: str, colour: str) -> str:
    return f"\033[{colour}m{text}\033[0m"


def _call(call: Call) -> str:
    copies = f", copy {call.copy + 1} of {call.copies}" if call.copies > 1 else ""
    return f"block {printable(call.block)}{copies}, called at {call.span}"


def _source(span: Span, margin: int, space: int, colour: str) -> list[str]:
    """The line of a place with its caret; of a longer line the part around it, in `space`.

    colour  that of the caret; "" for a text without colours
    """
    line = span.source.line(span.line)
    if not line.strip():
        return []
    start = 0
    if span.column > space - space // 5:
        start = span.column - 2 * space // 5
    shown = line[start : start + space]
    cut_left = "..." if start else ""
    cut_right = "..." if start + space < len(line) else ""
    before = cut_left + _drawable(shown[: span.column - 1 - start])
    marked = _drawable(shown[span.column - 1 - start :][: span.width])
    caret = "^" * max(display_width(marked), 1)
    edge, numbered = f"{' ' * margin}|", f"{str(span.line).rjust(margin - 1)} |"
    if colour:
        edge, numbered = _painted(edge, _MARGIN), _painted(numbered, _MARGIN)
        caret = _painted(caret, colour)
    return [
        edge,
        f"{numbered} {cut_left}{_drawable(shown)}{cut_right}",
        f"{edge} {' ' * display_width(before)}{caret}",
    ]


def _drawable(text: str) -> str:
    return printable(text.replace("\t", "    "), _LONGEST)
