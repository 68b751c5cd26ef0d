"""How the facts of a problem are worded, and problems as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from convcalc.problems import (
    AlsoIn,
    Branch,
    ChangedTotals,
    Contributor,
    DidYouMean,
    Entering,
    Fact,
    Fitting,
    Help,
    Locked,
    Meant,
    Note,
    Problem,
    Reason,
    Related,
    Rule,
    Value,
)
from convcalc.quantities import quantity_text
from convcalc.shapes import SizeSet, tuple_text, with_batch
from convcalc.spelling import did_you_mean

#: Networks that one fact names.
_MOST_NETWORKS = 3


def problems_data(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """Each problem with its place, its facts, and what it is about; keys are only ever added."""
    return [_problem_data(problem) for problem in problems]


def _problem_data(problem: Problem) -> dict[str, Any]:
    span = problem.span
    return {
        "code": problem.code,
        "message": problem.text,
        "file": span.source.name if span else None,
        "line": span.line if span else None,
        "column": span.column if span else None,
        "facts": [{"label": label, "text": text} for label, text in worded(problem.facts)],
        "subject": {name: text for name, text in problem.subject._asdict().items() if text},
    }


def worded(facts: Iterable[Fact]) -> tuple[tuple[str, str], ...]:
    """The label and the text of each fact; those that have nothing to say are left out."""
    pairs = [_worded(fact) for fact in facts]
    return tuple([pair for pair in pairs if pair[1]])


def _worded(fact: Fact) -> tuple[str, str]:
    label, text = "note", ""
    match fact:
        case Rule(text):
            label = "rule"
        case Note(text):
            label = "note"
        case Help(text):
            label = "help"
        case DidYouMean(word, names):
            label, text = "help", did_you_mean(word, names)
        case Meant():
            label, text = "help", _meant(fact)
        case Fitting():
            label, text = "help", _fitting(fact)
        case Entering(values):
            label, text = "input", ", ".join([value_text(value) for value in values])
        case Branch(name, value):
            label, text = "branch", f"{name}: {value_text(value)}"
        case Related():
            label, text = _related(fact)
        case Locked():
            text = _locked(fact)
        case ChangedTotals(changes):
            text = f"totals: {changes}"
        case Contributor():
            text = _contributor(fact)
        case AlsoIn(networks):
            text = _also_in(networks)
    return label, text


def value_text(value: Value) -> str:
    """A value's shape, and the layer that makes it.

    >>> value_text(Value((8, 4, 4), "conv0"))
    '(1, 8, 4, 4), from conv0'
    """
    text = tuple_text(with_batch(value.shape, 1)) if value.shape else "unknown"
    if not value.layer:
        return text
    place = ""
    if value.span is not None:
        place = f" at {value.span}" if value.elsewhere else f" at line {value.span.line}"
    if not value.is_input:
        return f"{text}, from {value.layer}{place}"
    name = "the network's input" if value.layer == "input" else f"the input '{value.layer}'"
    return f"{text}, {name}{place}"


def _meant(fact: Meant) -> str:
    name = "the input" if fact.input == "input" else f"the input '{fact.input}'"
    return f"{fact.why}: is {name} meant to be {list(fact.shape)}?"


def _fitting(fact: Fitting) -> str:
    names = [name for name, _ in fact.axes]
    sets = [fitting_text(sizes) for _, sizes in fact.axes]
    if fact.equal and len(names) > 1:
        return f"the network fits with the same {_and(names)}, {sets[0]}"
    if len(set(sets)) == 1:
        return f"the network fits with {_and(names)} {sets[0]}"
    axes = [f"{name} {sizes}" for name, sizes in zip(names, sets, strict=True)]
    return f"the network fits with {_and(axes, ', and ')}"


def _and(texts: Sequence[str], last: str = " and ") -> str:
    return last.join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def fitting_text(sizes: SizeSet) -> str:
    """Sizes that fit, after the name of an axis.

    >>> fitting_text(SizeSet(tuple(range(140, 4097)), 1, 140, 4096))
    'from 140 on'
    >>> fitting_text(SizeSet(tuple(range(32, 4097, 32)), 32, 1, 4096))
    'in multiples of 32'
    >>> fitting_text(SizeSet(tuple(range(188, 4097, 16)), 16, 173, 4096))
    'of 188, 204, 220, ..., in steps of 16'
    >>> fitting_text(SizeSet((224,), 1, 225, 4096))
    'of 224'
    """
    residues, period = sizes.residues, sizes.period
    if not period or not residues:
        more = "" if period else f" (of 1 to {sizes.most})"
        return f"of {ranges_text(sizes.sizes)}{more}"
    before = f"of {ranges_text(sizes.before)} and " if sizes.before else ""
    first = residues[0]
    if len(residues) == period:
        return f"{before}from {first} on"
    if len(residues) == 1:
        if first % period == 0:
            later = f" from {first} on" if first > period else ""
            return f"{before}in multiples of {period}{later}"
        shown = ", ".join([str(first + k * period) for k in range(3)])
        return f"{before}of {shown}, ..., in steps of {period}"
    second = [n + period for n in residues]
    return (
        f"{before}of {ranges_text(residues)}, {ranges_text(second)}, ..., the same every {period}"
    )


def ranges_text(sizes: Sequence[int]) -> str:
    """Numbers, those in a row by their ends; of many the first."""
    parts: list[list[int]] = []
    for size in sizes:
        if parts and parts[-1][-1] == size - 1:
            parts[-1].append(size)
        else:
            parts.append([size])
    texts = [str(p[0]) if len(p) == 1 else f"{p[0]}..{p[-1]}" for p in parts]
    return ", ".join([*texts[:8], *(["..."] if len(texts) > 8 else [])])


def _related(fact: Related) -> tuple[str, str]:
    span = fact.span
    here = f"line {span.line}, column {span.column}"
    match fact.reason:
        case Reason.FIRST:
            return "first", here
        case Reason.NOTICED:
            return "note", f"noticed at {here}"
        case Reason.EXTENDS:
            return "note", f"read because of 'extends' at {span}"
        case Reason.USES:
            return "note", f"read as the block at {span}"
        case Reason.SHIPPED:
            return "note", f"the line is {span}, of a network that ships with convcalc"
        case Reason.CALL:
            return "note", f"called at {span}"
        case Reason.DEFAULT:
            return "note", f"the value is that of 'defaults' at {span}"
        case Reason.EXPECTATION:
            return "note", f"the expectation stands at {span}"


def _locked(fact: Locked) -> str:
    change = f"{fact.change}; " if fact.change else ""
    what = "" if fact.layer else "the network is "
    return f"{change}{what}locked at {fact.place}"


def _contributor(fact: Contributor) -> str:
    label = "grew most" if fact.grew else "heaviest"
    place = f" at {fact.span.in_line}" if fact.span else ""
    value = f"{'+' if fact.grew else ''}{quantity_text(fact.value, fact.unit)}"
    share = f" ({share_text(fact)})" if fact.whole else ""
    change = f": {fact.change}" if fact.change else ""
    return f"{label}: {fact.path}{place}, {value}{share}{change}"


def share_text(fact: Contributor) -> str:
    """The share that it has in the total, in percent; "" where it is none.

    >>> share_text(Contributor("conv0", None, 1, whole=8))
    '12.5%'
    """
    if not fact.whole:
        return ""
    tenths = (2000 * fact.value + fact.whole) // (2 * fact.whole)
    return f"{tenths // 10}.{tenths % 10}%"


def _also_in(networks: tuple[str, ...]) -> str:
    count = f"{len(networks)} other network{'s' * (len(networks) > 1)}"
    more = ", ..." if len(networks) > _MOST_NETWORKS else ""
    return f"also in {count}: {', '.join(networks[:_MOST_NETWORKS])}{more}"
