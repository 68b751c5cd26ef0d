"""Exact shapes, parameters and operation counts of convolutional networks.

>>> import convcalc
>>> network = convcalc.load("lenet")
>>> convcalc.analyze(network).totals.params
61706
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from convcalc.analysis.analysis import Analysis
    from convcalc.analysis.costs.report import Report, analyze
    from convcalc.analysis.metrics import measure
    from convcalc.analysis.training.step import train
    from convcalc.exchange.load import load, spec
    from convcalc.executor.export import export
    from convcalc.executor.run import Runner, execute
    from convcalc.explore.evaluate import evaluate
    from convcalc.graph import GraphBuilder, Network, Node
    from convcalc.language.building.spec import Reading, Spec
    from convcalc.language.load import loads, read
    from convcalc.problems import ConvcalcError, Problem, Span
    from convcalc.roots import access

__version__ = "0.1.0"

#: Where each public name lives; it is imported when it is first asked for.
_HOMES = {
    "Analysis": "convcalc.analysis.analysis",
    "ConvcalcError": "convcalc.problems",
    "GraphBuilder": "convcalc.graph",
    "Network": "convcalc.graph",
    "Node": "convcalc.graph",
    "Problem": "convcalc.problems",
    "Reading": "convcalc.language.building.spec",
    "Report": "convcalc.analysis.costs.report",
    "Runner": "convcalc.executor.run",
    "Span": "convcalc.problems",
    "Spec": "convcalc.language.building.spec",
    "access": "convcalc.roots",
    "analyze": "convcalc.analysis.costs.report",
    "evaluate": "convcalc.explore.evaluate",
    "execute": "convcalc.executor.run",
    "export": "convcalc.executor.export",
    "load": "convcalc.exchange.load",
    "loads": "convcalc.language.load",
    "measure": "convcalc.analysis.metrics",
    "read": "convcalc.language.load",
    "spec": "convcalc.exchange.load",
    "train": "convcalc.analysis.training.step",
}

__all__ = [
    "Analysis",
    "ConvcalcError",
    "GraphBuilder",
    "Network",
    "Node",
    "Problem",
    "Reading",
    "Report",
    "Runner",
    "Span",
    "Spec",
    "access",
    "analyze",
    "evaluate",
    "execute",
    "export",
    "load",
    "loads",
    "measure",
    "read",
    "spec",
    "train",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'convcalc' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
