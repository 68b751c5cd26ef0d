"""Problems as text: the place, the line with a caret, the facts, one hint."""

from __future__ import annotations

from collections.abc import Sequence

from convcalc.diagnostics import Call, Problem, Span, printable
from convcalc.render.table import display_width

#: Characters of a source line that are shown; the part around the mistake is chosen.
_LINE_WIDTH = 100
#: Characters of a message or a fact.
_LONGEST = 5000


def diagnostics_text(problems: Sequence[Problem], level: str = "error") -> str:
    """All problems, each drawn, and how many there are where there are several."""
    drawn = [diagnostic_text(problem, level) for problem in problems]
    if len(problems) > 1:
        drawn.append(f"{len(problems)} {level}s\n")
    return "\n".join(drawn)


def diagnostic_text(problem: Problem, level: str = "error") -> str:
    """One problem: a first line that can be grepped, the source with a caret, labelled facts.

    Inside a block, the calls that led there follow, innermost first. `level` is "error", or
    "warning" for what does not fail.
    """
    place = f"{problem.span}: " if problem.span else ""
    lines = [printable(f"{place}{level}[{problem.code}]: {problem.message}", _LONGEST)]
    margin = 1
    if problem.span is not None:
        spans = [problem.span, *[call.span for call in problem.calls]]
        margin = max(len(str(span.line)) for span in spans) + 1
        lines += _source(problem.span, margin)
    for call in reversed(problem.calls):
        lines.append(f"{' ' * margin}: in {_call(call)}")
        lines += _source(call.span, margin)[1:]
    lines += [
        f"{' ' * margin}= {label}: {printable(text, _LONGEST)}" for label, text in problem.facts
    ]
    return "\n".join(lines) + "\n"


def _call(call: Call) -> str:
    copies = f", copy {call.copy + 1} of {call.copies}" if call.copies > 1 else ""
    return f"block {printable(call.block)}{copies}, called at {call.span}"


def _source(span: Span, margin: int) -> list[str]:
    line = span.source.line(span.line)
    if not line.strip():
        return []
    start = 0
    if span.column > _LINE_WIDTH - 20:
        start = span.column - 40
    shown = line[start : start + _LINE_WIDTH]
    cut_left = "..." if start else ""
    cut_right = "..." if start + _LINE_WIDTH < len(line) else ""
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
