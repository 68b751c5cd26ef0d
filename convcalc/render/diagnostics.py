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


def diagnostics_text(
    problems: Sequence[Problem], level: str = "error", width: int | None = None
) -> str:
    """All problems, each drawn, and how many there are where there are several."""
    drawn = [diagnostic_text(problem, level, width) for problem in problems]
    if len(problems) > 1:
        drawn.append(f"{len(problems)} {level}s\n")
    return "\n".join(drawn)


def diagnostic_text(problem: Problem, level: str = "error", width: int | None = None) -> str:
    """One problem: a first line that can be grepped, the source with a caret, labelled facts.

    Inside a block, the calls that led there follow, innermost first. `level` is "error", or
    "warning" for what does not fail. With the `width` of a terminal, texts are broken at words and
    source lines cut to it.
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

    place = f"{problem.span}: " if problem.span else ""
    lines = [text(printable(f"{place}{level}[{problem.code}]: {problem.text}", _LONGEST))]
    if problem.span is not None:
        lines += _source(problem.span, margin, space)
    for call in reversed(problem.calls):
        lines.append(text(f"{' ' * margin}: in {_call(call)}"))
        lines += _source(call.span, margin, space)[1:]
    lines += [
        text(f"{' ' * margin}= {label}: {printable(fact, _LONGEST)}")
        for label, fact in worded(problem.facts)
    ]
    return "\n".join(lines) + "\n"


def _call(call: Call) -> str:
    copies = f", copy {call.copy + 1} of {call.copies}" if call.copies > 1 else ""
    return f"block {printable(call.block)}{copies}, called at {call.span}"


def _source(span: Span, margin: int, space: int) -> list[str]:
    """The line of a place with its caret; of a longer line the part around it, in `space`."""
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
    number = str(span.line).rjust(margin - 1)
    return [
        f"{' ' * margin}|",
        f"{number} | {cut_left}{_drawable(shown)}{cut_right}",
        f"{' ' * margin}| {' ' * display_width(before)}{caret}",
    ]


def _drawable(text: str) -> str:
    return printable(text.replace("\t", "    "), _LONGEST)
