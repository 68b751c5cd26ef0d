"""Formulas as people write them, in plain text and in LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from convcalc.polynomials import Atom, Guard, Polynomial, expanded
from convcalc.problems import printable
from convcalc.render.sweep import meaning

#: What variables are: a factor, and what they are called.
Names = Mapping[str, tuple[int, str]]


class Shown(NamedTuple):
    """A formula: where it holds, and the polynomials of which the largest is the metric."""

    guards: tuple[Guard, ...]
    candidates: tuple[Any, ...]
    code: str


class Writer:
    """Writes polynomials.

    names  what variables are: a factor, and what they are called
    style  "text" or "latex"
    """

    def __init__(self, names: Names, style: Literal["text", "latex"]) -> None:
        self._names = names
        self._latex = style == "latex"
        self._times = r" \cdot " if self._latex else "*"

    def number(self, value: Any) -> str:
        """A polynomial, or a number."""
        value = expanded(value)
        if not isinstance(value, Polynomial):
            return str(value)
        text = ""
        for monomial, factor in sorted(value.terms.items(), key=lambda t: (-len(t[0]), t[0])):
            sign = "-" if factor < 0 else "+"
            term = self._product(value, monomial, abs(factor))
            text += f" {sign} {term}" if text else term if factor > 0 else f"-{term}"
        return text

    def _product(self, value: Polynomial, monomial: tuple[int, ...], factor: int) -> str:
        powers: dict[str, int] = {}
        for index in monomial:
            times, text = self._atom(value.space.atoms[index])
            factor *= times
            powers[text] = powers.get(text, 0) + 1
        sign = "^" if self._latex else "**"
        parts = [text if n == 1 else f"{text}{sign}{n}" for text, n in powers.items()]
        if factor != 1 or not parts:
            parts.insert(0, str(factor))
        return self._times.join(parts)

    def _atom(self, atom: Atom) -> tuple[int, str]:
        """An atom as a number times a text."""
        if atom.operation == "variable":
            name = str(atom.operands[0])
            return self._names.get(name, (1, name))
        if atom.operation == "quotient":
            above, below = atom.operands
            if self._latex:
                fraction = rf"\frac{{{self.number(above)}}}{{{self.number(below)}}}"
                return 1, rf"\left\lfloor {fraction} \right\rfloor"
            return 1, f"floor({self._bracketed(above)}/{self._bracketed(below)})"
        operands = ", ".join([self.number(operand) for operand in atom.operands])
        if atom.operation == "zero":
            return 1, rf"[{operands} = 0]" if self._latex else f"({operands} == 0)"
        name = rf"\{atom.operation}" if self._latex else atom.operation
        return 1, rf"{name}\left({operands}\right)" if self._latex else f"{name}({operands})"

    def _bracketed(self, value: Any) -> str:
        text = self.number(value)
        return f"({text})" if any(mark in text for mark in " *-") else text

    def largest(self, candidates: Sequence[Any]) -> str:
        """One polynomial, or the largest of several."""
        if len(candidates) == 1:
            return self.number(candidates[0])
        texts = [self.number(candidate) for candidate in candidates]
        if self._latex:
            return rf"\max\left({', '.join(texts)}\right)"
        return "max(" + ",\n    ".join(texts) + ")"

    def condition(self, guard: Guard) -> str:
        """What a guard says: what is below 0 on one side, the rest on the other."""
        value = expanded(guard.of)
        signs = {
            ("negative", True): "<",
            ("negative", False): r"\ge" if self._latex else ">=",
            ("zero", True): "=" if self._latex else "==",
            ("zero", False): r"\ne" if self._latex else "!=",
        }
        if not isinstance(value, Polynomial):
            return f"{value} = {guard.outcome}"
        if guard.kind == "value":
            sign = "=" if self._latex else "=="
            return f"{self.number(value)} {sign} {guard.outcome}"
        left = value.space.made({m: f for m, f in value.terms.items() if f > 0})
        right = value.space.made({m: -f for m, f in value.terms.items() if f < 0})
        return f"{self.number(left)} {signs[guard.kind, bool(guard.outcome)]} {self.number(right)}"


def formula_text(
    network: str,
    metric: str,
    pieces: Sequence[Shown],
    names: Names,
    note: str,
) -> str:
    """The formula of each piece, with its conditions below."""
    write = Writer(names, "text")
    lines = [f"{printable(network)}: {metric}"]
    for piece in pieces:
        lines.append("")
        lines.append(f"{metric} = {_right_side(piece, write)}")
        lines += _where(piece, write.condition)
    return "".join([f"{line}\n" for line in [*lines, *(["", note] if note else [])]])


def _right_side(piece: Shown, write: Writer) -> str:
    if piece.candidates:
        return write.largest(piece.candidates)
    if piece.code:
        return f"no network: {piece.code}, {meaning(piece.code)}"
    return "no formula: its terms are too many, or a number itself is needed"


def _where(piece: Shown, text: Callable[[Guard], str]) -> list[str]:
    conditions = list(dict.fromkeys(map(text, piece.guards)))
    lines = []
    for number, condition in enumerate(conditions):
        lines.append(f"  {'where' if not number else 'and  '} {condition}")
    return lines


def formula_latex(metric: str, pieces: Sequence[Shown], names: Names) -> str:
    """The formula in LaTeX: cases where there are several."""
    write = Writer(names, "latex")
    shown = [piece for piece in pieces if piece.candidates]
    escaped = metric.replace("_", r"\_")
    name = rf"\mathrm{{{escaped}}}"
    sides = [write.largest(piece.candidates) for piece in shown]
    conditions = [
        ",\\ ".join(dict.fromkeys([write.condition(guard) for guard in piece.guards]))
        for piece in shown
    ]
    if len(shown) == 1:
        where = f" \\quad\\text{{where }} {conditions[0]}" if conditions[0] else ""
        return f"{name} = {sides[0]}{where}\n"
    rows = [f"{side} & {where}" for side, where in zip(sides, conditions, strict=True)]
    body = " \\\\\n".join(rows)
    return f"{name} = \\begin{{cases}}\n{body}\n\\end{{cases}}\n"
