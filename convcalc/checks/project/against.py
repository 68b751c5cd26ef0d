"""Whether a network is still that of the model file which convcalc.yaml names beside it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from convcalc.checks.project.config import Pattern
from convcalc.problems import ConvcalcError, Problem, printable
from convcalc.roots import check_inside, root_of

if TYPE_CHECKING:
    from convcalc.checks.project.targets import Target
    from convcalc.graph import Network


def check_against(network: Network, target: Target, max_layers: int) -> list[Problem]:
    """What a network and its models differ in, a problem for each model.

    Models are read, and never run. They lie inside the root of convcalc.yaml.
    """
    models = target.rules.against if target.rules is not None else ()
    return [problem for model in models for problem in _differences(network, model, max_layers)]


def _differences(network: Network, model: Pattern, max_layers: int) -> list[Problem]:
    from convcalc.exchange.against import counterparts, difference
    from convcalc.exchange.load import opened

    try:
        check_inside(model.text, root_of(os.path.dirname(model.span.source.path)))
        theirs = opened(model.text, named=False).network(max_layers=max_layers)
    except ConvcalcError as error:
        return [problem._replace(span=problem.span or model.span) for problem in error.problems]
    problem = difference(counterparts(network, theirs), printable(model.text, 200))
    if problem is None:
        return []
    return [problem if problem.span is not None else problem._replace(span=model.span)]
