"""Every limit is kept to the last unit, and what is blamed is in the network's file."""

from __future__ import annotations

from pathlib import Path
from random import Random

import convcalc
from convcalc.analysis.metrics import measure_all
from convcalc.checks.project.check import Settings, check_network
from convcalc.checks.project.specs import Specs
from convcalc.checks.project.targets import Rules, Target
from convcalc.language.reading.limits import Limit
from convcalc.metrics import TOTALS
from convcalc.problems import Source, Span
from tests.networks.grow import random_spec
from tests.quick import each_seed

HERE = Span(Source("convcalc.yaml", "limits\n"), 1, 1)


def limits(totals: dict[str, int], change: int) -> tuple[Limit, ...]:
    """A limit on every total, that much off what it is."""
    return tuple(
        [
            Limit(name, max(value + change, 0), TOTALS[name].unit, f"{value + change}", HERE)
            for name, value in totals.items()
        ]
    )


@each_seed(10, 25)
def test_every_total_is_limited_to_the_last_unit(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "n.yaml"
    path.write_text(random_spec(Random(seed)), encoding="utf-8")
    analysis = convcalc.Analysis(convcalc.load(path))
    totals = measure_all(analysis)
    boards = [name for name, metric in TOTALS.items() if metric.board]
    assert list(totals) == [name for name in TOTALS if name not in boards]
    totals |= {name: convcalc.measure(analysis, name) for name in boards}
    target = Target(str(path))
    kept = check_network(target._replace(rules=Rules(limits(totals, 0))), Settings(), Specs())
    assert (kept.status, kept.problems) == (0, ())
    assert all(finding.ok and finding.found == finding.limit for finding in kept.findings)

    broken = check_network(target._replace(rules=Rules(limits(totals, -1))), Settings(), Specs())
    positive = [name for name, value in totals.items() if value > 0]
    assert [f.metric for f in broken.findings if not f.ok] == positive
    assert broken.status == 1
    for finding in broken.findings:
        if finding.problem is None:
            continue
        assert finding.found == totals[finding.metric] == finding.limit + 1
        assert finding.problem.span is not None
        if finding.parts:
            # The first one to blame is where the problem points.
            assert finding.problem.span.source.name == str(path)
            assert finding.parts[0].span == finding.problem.span
            values = [part.value for part in finding.parts]
            assert values == sorted(values, reverse=True)
        else:
            assert str(finding.problem.span) == f"{path}:1:1"  # this network, if no layer

    warned = check_network(
        target._replace(rules=Rules((), limits(totals, -1))), Settings(), Specs()
    )
    assert (warned.status, len(warned.warnings)) == (0, len(positive))


def test_slow_totals_wait_until_they_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "n.yaml"
    path.write_text("{input: [3, 8, 8], layers: [{conv: 4, kernel: 3}]}", encoding="utf-8")
    quick = check_network(Target(str(path)), Settings(), Specs())
    assert "peak_least" not in quick.totals
    every = check_network(Target(str(path)), Settings(every_total=True), Specs())
    assert list(every.totals) == [name for name, metric in TOTALS.items() if not metric.board]
