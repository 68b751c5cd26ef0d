"""An analysis computes each thing once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import convcalc
from convcalc.problems import ConvcalcError

EVERYTHING: dict[str, Callable[[convcalc.Analysis], object]] = {
    "report": lambda analysis: analysis.report,
    "fields": lambda analysis: analysis.fields,
    "balance": lambda analysis: analysis.balance("float16"),
    "counted": lambda analysis: analysis.counted("thop"),
    "memory": lambda analysis: analysis.memory(in_place=True),
    "peak_step": lambda analysis: analysis.peak_step(),
    "live": lambda analysis: analysis.live(),
    "least_peak": lambda analysis: analysis.least_peak,
    "arena": lambda analysis: analysis.arena,
    "training": lambda analysis: analysis.training("adam"),
    "step_costs": lambda analysis: analysis.step_costs,
}


@pytest.mark.parametrize("name", EVERYTHING)
def test_what_was_computed_is_not_computed_again(name: str) -> None:
    analysis = convcalc.Analysis(convcalc.load("lenet"))
    get = EVERYTHING[name]
    assert get(analysis) is get(analysis)


def test_what_is_asked_for_in_another_way_is_another() -> None:
    analysis = convcalc.Analysis(convcalc.load("lenet"))
    assert analysis.balance("int8").units["dense0"] != analysis.balance().units["dense0"]
    assert analysis.balance("int8", "int8") is analysis.balance("int8")
    assert analysis.training("adam").totals != analysis.training().totals
    assert analysis.peak(in_place=True) < analysis.peak()


def test_the_options_reach_the_report() -> None:
    network = convcalc.load("alexnet")
    analysis = convcalc.Analysis(network, batch=2, valid_taps=True)
    assert analysis.report.totals == convcalc.analyze(network, batch=2, valid_taps=True).totals
    assert analysis.training().batch == 2


def test_what_has_no_rule_is_refused_and_the_rest_is_known() -> None:
    analysis = convcalc.Analysis(convcalc.loads("{input: [3, 8, 8], layers: [{minpool: 2}]}"))
    with pytest.raises(ConvcalcError, match="thop has no rule for minpool"):
        analysis.counted("thop")
    assert analysis.counted("torch") == {"pool0": 0}


@pytest.mark.parametrize("batch", [0, -1, 1.5, True])
def test_a_batch_is_a_whole_number(batch: int) -> None:
    with pytest.raises(ConvcalcError, match="batch must be a whole number from 1 on"):
        convcalc.Analysis(convcalc.load("lenet"), batch=batch)
