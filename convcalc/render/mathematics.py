"""Explanations as mathematics: for LaTeX with amsmath, and as Markdown with LaTeX's formulas."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from convcalc.analysis.costs.explain import Equation, Explanation
from convcalc.render.explain import legend, sections, written
from convcalc.render.table import escaped, latex_escaped
from convcalc.shapes import tuple_text

_SIGNS: dict[type[ast.operator], str] = {ast.Add: " + ", ast.Sub: " - ", ast.Mult: r" \cdot "}
_SUMS = (ast.Add, ast.Sub)
#: Characters of a formula; of longer ones, such as the sum over a thousand branches, only the value
#: is written.
_LONGEST = 1000


def explain_latex(explanations: Sequence[Explanation]) -> str:
    """The explanations for LaTeX, which needs the package amsmath."""
    lines: list[str] = []
    for explanation in explanations:
        lines += [
            rf"\paragraph{{{latex_escaped(_title(explanation))}}}",
            f"{_shapes(explanation)}.",
        ]
        for title, steps in sections(explanation):
            lines += [_capital(latex_escaped(title)) + ":"]
            lines += [r"\begin{align*}", *_equations(steps), r"\end{align*}"]
            lines += [latex_escaped(f"{_capital(meaning)}.") for meaning in legend(steps)]
        lines += [latex_escaped(f"{_capital(note)}.") for note in explanation.notes]
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"


def explain_markdown(explanations: Sequence[Explanation]) -> str:
    """The explanations as Markdown, with formulas between `$$`."""
    lines: list[str] = []
    for explanation in explanations:
        lines += [f"### {escaped(_title(explanation))}", "", f"{_shapes(explanation)}.", ""]
        for title, steps in sections(explanation):
            lines += [f"**{escaped(_capital(title))}**", ""]
            lines += ["$$", r"\begin{aligned}", *_equations(steps), r"\end{aligned}", "$$", ""]
            lines += [f"{escaped(_capital(meaning))}.\n" for meaning in legend(steps)]
        lines += [f"{escaped(_capital(note))}.\n" for note in explanation.notes]
    return "\n".join(lines)


def mathematics(formula: str) -> str:
    r"""A formula of an explanation as LaTeX.

    >>> mathematics("floor((h - k + p + s) / s)")
    '\\left\\lfloor \\frac{h - k + p + s}{s} \\right\\rfloor'
    >>> mathematics("c_out*(T - 1)")
    'c_{\\mathrm{out}} \\cdot (T - 1)'
    """
    return _written(ast.parse(formula, mode="eval").body)


def _written(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return _name(node.id)
    if isinstance(node, ast.UnaryOp):
        return f"-{_written(node.operand)}"
    if isinstance(node, ast.Call):
        arguments = ", ".join(_written(argument) for argument in node.args)
        function = ast.unparse(node.func)
        if function in {"floor", "ceil"}:
            return rf"\left\l{function} {arguments} \right\r{function}"
        return rf"\{function}({arguments})"
    if not isinstance(node, ast.BinOp):
        return ast.unparse(node)
    left, right = _written(node.left), _written(node.right)
    if isinstance(node.op, ast.Div | ast.FloorDiv):
        return rf"\frac{{{left}}}{{{right}}}"
    if isinstance(node.op, ast.Pow):
        return f"{_bracketed(node.left, left)}^{{{right}}}"
    if isinstance(node.op, ast.Mult):
        left, right = _bracketed(node.left, left), _bracketed(node.right, right)
    elif isinstance(node.right, ast.UnaryOp) or (
        isinstance(node.op, ast.Sub) and _is_sum(node.right)
    ):
        right = f"({right})"
    return f"{left}{_SIGNS[type(node.op)]}{right}"


def _is_sum(node: ast.expr) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, _SUMS)


def _bracketed(node: ast.expr, text: str) -> str:
    """A factor; in brackets where it is a sum or below 0."""
    return f"({text})" if _is_sum(node) or isinstance(node, ast.UnaryOp) else text


def _name(name: str) -> str:
    """A symbol with its index: c_in2 is the channels of the second input."""
    base, _, index = name.partition("_")
    letters, number = re.findall(r"([a-z]*)([0-9]*)", index or "")[0]
    if not index:
        base, number = re.findall(r"([A-Za-z]+)([0-9]*)", base)[0]
    shown = [rf"\mathrm{{{letters}}}" if len(letters) > 1 else letters, number]
    lower = ",".join([part for part in shown if part])
    lower = f"_{{{lower}}}" if len(lower) > 1 else f"_{lower}" if lower else ""
    return (rf"\mathrm{{{base}}}" if len(base) > 1 else base) + lower


def _equations(steps: Sequence[Equation]) -> list[str]:
    lines = []
    for step in steps:
        what = step.what if len(step.what) == 1 else rf"\text{{{latex_escaped(step.what)}}}"
        sides = [mathematics(text) for text in written(step) if len(text) <= _LONGEST]
        lines.append(f"{what} &= {' = '.join(sides)}")
    return [rf"{line} \\" for line in lines[:-1]] + lines[-1:]


def _title(explanation: Explanation) -> str:
    node = explanation.node
    return f"{node.path}: {node.layer.described(explanation.inputs)}"


def _shapes(explanation: Explanation) -> str:
    inputs = ", ".join(tuple_text((1, *shape)) for shape in explanation.inputs)
    return f"Input {inputs or 'none'}, output {tuple_text((1, *explanation.node.shape))}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
