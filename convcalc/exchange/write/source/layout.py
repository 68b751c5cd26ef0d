"""Python source in lines of at most 100 characters."""

from __future__ import annotations

from collections.abc import Sequence

#: The most characters of a line.
WIDTH = 100
_CLOSING = {"(": ")", "[": "]", "{": "}"}


class Bracketed:
    """Something with elements between brackets: a call, a list, a comprehension.

    commas  whether they stand between the elements; in a comprehension nothing does
    bare    whether the brackets are needed only where it is written in several lines
    """

    __slots__ = ("bare", "close", "commas", "elements", "open")

    def __init__(
        self,
        open_: str,
        elements: Sequence[str | Bracketed],
        close: str,
        *,
        commas: bool = True,
        bare: bool = False,
    ) -> None:
        self.open = open_
        self.elements = list(elements)
        self.close = close
        self.commas = commas
        self.bare = bare

    def __str__(self) -> str:
        inner = (", " if self.commas else " ").join([str(one) for one in self.elements])
        return inner if self.bare else f"{self.open}{inner}{self.close}"


def call(callee: str, arguments: Sequence[str | Bracketed]) -> Bracketed:
    """A call."""
    return Bracketed(f"{callee}(", arguments, ")")


def chosen(value: str | Bracketed, condition: str, other: str) -> Bracketed:
    """A conditional expression."""
    clauses = [value, f"if {condition}", f"else {other}"]
    return Bracketed("(", clauses, ")", commas=False, bare=True)


def laid_out(
    before: str, source: str | Bracketed, after: str = "", indent: int = 0, *, opened: bool = False
) -> list[str]:
    """A statement in lines: as one if it fits, else an element a line.

    opened  whether elements are written a line each even if all would fit on one
    """
    line = f"{' ' * indent}{before}{source}{after}"
    if len(line) <= WIDTH and not opened:
        return [line]
    if isinstance(source, str):
        source = parsed(source)
    if not isinstance(source, Bracketed) or not source.elements:
        return [line]
    inner = indent + 4
    flat = (", " if source.commas else " ").join([str(one) for one in source.elements])
    lines = [f"{' ' * indent}{before}{source.open}"]
    several = "*[" in flat or not source.commas
    if inner + len(flat) <= WIDTH and not opened and not several:
        lines.append(f"{' ' * inner}{flat}")
    else:
        for element in source.elements:
            lines += laid_out("", element, "," if source.commas else "", inner)
    return [*lines, f"{' ' * indent}{source.close}{after}"]


def parsed(text: str) -> str | Bracketed:
    """An expression taken apart: a call or a list, or terms between operators."""
    terms = _split(text, " + ")
    if len(terms) > 1:
        return Bracketed("(", [terms[0], *[f"+ {term}" for term in terms[1:]]], ")", commas=False)
    depth, start = 0, -1
    for place, char in enumerate(text):
        if char in _CLOSING:
            if depth == 0:
                start = place
            depth += 1
        elif char in _CLOSING.values():
            depth -= 1
    if start < 0 or not text.endswith(_CLOSING[text[start]]):
        return text
    elements = _split(text[start + 1 : -1], ", ")
    return Bracketed(text[: start + 1], [parsed(one) for one in elements], text[-1])


def _split(text: str, separator: str) -> list[str]:
    """The parts of a text between separators that stand in no brackets."""
    parts, depth, start = [], 0, 0
    for place, char in enumerate(text):
        if char in _CLOSING:
            depth += 1
        elif char in _CLOSING.values():
            depth -= 1
        elif depth == 0 and text.startswith(separator, place):
            parts.append(text[start:place])
            start = place + len(separator)
    return [*parts, text[start:]]
