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
from convcalc.shapes import tuple_text, with_batch
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
