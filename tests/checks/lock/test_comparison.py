"""A network and its entry in the lock: what changed, and at which line."""

from __future__ import annotations

import pytest

import convcalc
from convcalc.checks.lock.comparison import at_first_change, stale_problem
from convcalc.checks.lock.file import lock_text, locked_network, parse_lock
from convcalc.checks.project.expectations import broken_expectations
from convcalc.checks.project.targets import LOCK_NAME
from convcalc.facts import worded
from convcalc.problems import Problem, Source

SPEC = """\
input: [3, 32, 32]
defaults:
  conv: {norm: batch,
         activation: relu}
blocks:
  unit(c):
    - {conv: c, kernel: 3, padding: 1}
    - {conv: c, kernel: 3, padding: 1}
layers:
  - {conv: 8, kernel: 3}
  - {maxpool: 2}
  - {unit: 16}
  - {unit: 16}
  - global_avgpool
  - {dense: 10}
"""


def stale(spec: str, before: str = SPEC) -> Problem | None:
    specs = [convcalc.spec("n.yaml", text=text) for text in (before, spec)]
    old, new = [convcalc.analyze(read.network()) for read in specs]

    def totals(report: convcalc.Report) -> dict[str, int]:
        return {"params": report.totals.params, "flops": report.totals.flops}

    text = lock_text([locked_network("n.yaml", "", old, totals(old))])
    lock = parse_lock(Source(LOCK_NAME, text))
    return stale_problem(lock, locked_network("n.yaml", "", new, totals(new)), new, specs[1])


def test_nothing_changed() -> None:
    assert stale(SPEC) is None
    assert stale(f"# a comment\n{SPEC}") is None


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        (
            "{conv: 8,",
            "{conv: 9,",
            10,
            "conv0 changed: channels 8 -> 9, output 8x30x30 -> 9x30x30, params 240 -> 270",
        ),
        ("[3, 32, 32]", "[3, 64, 32]", 1, "input changed: shape [3, 32, 32] -> [3, 64, 32]"),
        ("norm: batch", "norm: layer", 3, "conv0 changed: norm batchnorm -> layernorm"),
        ("activation: relu", "activation: gelu", 4, "conv0 changed: activation relu -> gelu"),
        ("  - {maxpool: 2}\n", "", 11, "pool0 removed: maxpool 2x2 /2, output 8x15x15"),
        ("{maxpool: 2}", "{avgpool: 2}", 11, "pool0 changed: kind maxpool -> avgpool"),
        (
            "  - {unit: 16}\n  - glo",
            "  - {unit: 18}\n  - glo",
            13,
            "unit1.conv0 changed: channels 16 -> 18",
        ),
        ("  - {dense: 10}\n", "", 14, "dense0 removed: dense, output 10, params -170"),
        (
            "  - {dense: 10}\n",
            "  - {dense: 10}\n  - softmax\n",
            16,
            "softmax0 added: softmax, output 10",
        ),
        ("{maxpool: 2}", "{maxpool: 2, name: p}", 11, "p renamed: was pool0"),
    ],
)
def test_the_line_that_did_it(old: str, new: str, line: int, message: str) -> None:
    assert SPEC.count(old) == 1 or old.endswith("glo")
    problem = stale(SPEC.replace(old, new))
    assert problem is not None
    assert problem.span is not None
    assert (problem.code, problem.span.line) == ("stale-lock", line)
    assert problem.message.startswith(message)


def test_another_dtype() -> None:
    spec = convcalc.spec("n.yaml", text=SPEC)
    report = convcalc.analyze(spec.network())
    locked = locked_network("n.yaml", "", report, {"weights": 400}, "float32")
    lock = parse_lock(Source(LOCK_NAME, lock_text([locked])))
    now = locked_network("n.yaml", "", report, {"weights": 100}, "int8")
    problem = stale_problem(lock, now, report, spec)
    assert problem is not None
    assert problem.message == "the dtype of n.yaml is int8, locked as float32"
    assert ("note", "bytes are locked as float32, and are int8 now") in worded(problem.facts)


def test_what_is_reported() -> None:
    problem = stale(SPEC.replace("{conv: 8,", "{conv: 12,"))
    assert problem is not None
    assert problem.message == (
        "conv0 changed: channels 8 -> 12, output 8x30x30 -> 12x30x30,"
        " params 240 -> 360 (+50.00%), macs 194,400 -> 291,600 (+50.00%)"
    )
    assert worded(problem.facts)[0] == ("note", "locked at convcalc.lock:11")
    assert worded(problem.facts)[1] == ("note", "2 layers follow: pool0, unit0.conv0")
    assert worded(problem.facts)[2][1].startswith("totals: params 8,666 -> 9,362 (+8.03%); flops ")
    assert worded(problem.facts)[3] == ("help", "`convcalc lock` accepts the change")


class TestExpectations:
    """A broken expectation is reported where the network changed since it was locked."""

    SPEC = (
        "input: [4, 8, 8]\nlayers:\n  - {conv: 8, kernel: 3}\n  - {conv: 8, kernel: 3}\n"
        "expect: {params: 880}\n"
    )

    def moved(self, spec: str) -> list[Problem]:
        specs = [convcalc.spec("n.yaml", text=text) for text in (self.SPEC, spec)]
        old, new = [convcalc.analyze(read.network()) for read in specs]
        text = lock_text([locked_network("n.yaml", "", old, {})])
        lock = parse_lock(Source(LOCK_NAME, text))
        broken = broken_expectations(specs[1].expectations, new)
        return at_first_change(broken, lock, locked_network("n.yaml", "", new, {}), new, {})

    def test_it_holds(self) -> None:
        assert self.moved(self.SPEC) == []

    def test_a_layer_has_changed(self) -> None:
        (problem,) = self.moved(
            self.SPEC.replace("- {conv: 8, kernel: 3}\nexp", "- {conv: 9, kernel: 3}\nexp")
        )
        assert str(problem) == ("n.yaml:4:6: error[expectation]: expected params 880, found 953")
        assert worded(problem.facts)[0][1].startswith(
            "conv1 changed: channels 8 -> 9, output 8x4x4 -> 9x4x4"
        )
        assert worded(problem.facts)[1] == ("note", "the expectation stands at n.yaml:5:18")

    def test_the_expectation_itself_has_changed(self) -> None:
        (problem,) = self.moved(self.SPEC.replace("880", "881"))
        assert str(problem).startswith("n.yaml:5:18: ")
