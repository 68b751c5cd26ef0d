"""Rows of a space: what is kept, what is counted, and on which processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

import convcalc
from convcalc.analysis.metrics import measure
from convcalc.explore.limits import read_bound
from convcalc.explore.parallel import in_order, on_processes
from convcalc.explore.ranges import read_variable
from convcalc.explore.ranking import Ranking, front
from convcalc.explore.sweep import UNKNOWN, Counts, Explorer, Question, Rows, sweep
from convcalc.language.load import spec as read_spec
from tests.explore.random_specs import VALUES, random_spec

TEXT = (
    "{input: [3, 16, 16], args: {w: 4, k: 3}, layers: [{conv: w, kernel: k},"
    " {maxpool: 2}, {conv: 2*w, kernel: k}, global_avgpool, {dense: 10}]}"
)


def explorer(
    over: Sequence[str], text: str = TEXT, limits: Sequence[str] = (), **options: Any
) -> Explorer:
    spec = read_spec("net.yaml", text=text)
    variables = [read_variable(spec, one) for one in over]
    options.setdefault("metrics", ("params", "macs"))
    question = Question(
        "net.yaml",
        text,
        tuple([(v.name, v.values) for v in variables]),
        bounds=tuple([read_bound(limit) for limit in limits]),
        **options,
    )
    return Explorer(question)


def answer(asked: Explorer, **options: Any) -> tuple[Rows, Counts]:
    ranking = Ranking(None, ascending=False, top=None)
    counts = None
    for rows, part in sweep(asked, **options):
        ranking.add(rows)
        counts = part if counts is None else counts.plus(part)
    assert counts is not None
    return ranking.rows(), counts


class TestRows:
    def test_limits_leave_rows_out_and_are_counted(self) -> None:
        over = ["w=1..16", "k=1..9:2", "in_size=8..24:4"]
        asked = explorer(over, limits=["macs<=200k", "params>=300"])
        rows, counts = answer(asked)
        every, _ = answer(explorer(over))
        valid = every.codes == ""
        small = every.figures["macs"] <= 200_000
        rich = every.figures["params"] >= 300
        assert counts.points == 16 * 5 * 5
        assert counts.invalid == (~valid).sum()
        assert counts.broken == (int((valid & ~small).sum()), int((valid & small & ~rich).sum()))
        assert counts.kept == (valid & small & rich).sum()
        shown = set(rows.points[rows.codes == ""].tolist())
        assert shown == set(every.points[valid & small & rich].tolist())
        assert set(rows.points[rows.codes != ""].tolist()) == set(every.points[~valid].tolist())

    def test_kept_rows_say_what_they_break(self) -> None:
        asked = explorer(["w=1..16"], limits=["macs<=200k", "params<=1k"], keep=True)
        rows, counts = answer(asked)
        assert len(rows.points) == counts.points == 16
        broken = [
            (macs > 200_000) + 2 * (params > 1000)
            for macs, params in zip(
                rows.figures["macs"].tolist(), rows.figures["params"].tolist(), strict=True
            )
        ]
        assert rows.broken.tolist() == broken

    def test_slow_metrics_are_searched_for_where_points_remain(self) -> None:
        asked = explorer(["w=1..16"], limits=["macs<=200k", "arena<=9kB"], metrics=("peak_least",))
        rows, counts = answer(asked)
        assert asked.engine.loaded == 0
        figures = [rows.figures[name].tolist() for name in ("arena", "peak_least")]
        for index, arena, least in zip(rows.indices[0].tolist(), *figures, strict=True):
            network = convcalc.loads(TEXT, args={"w": index + 1})
            analysis = convcalc.Analysis(network)
            assert (arena, least) == (measure(analysis, "arena"), measure(analysis, "peak_least"))
            assert arena <= 9000
        assert sum(counts.broken) + counts.kept == 16
        kept, _ = answer(
            explorer(["w=1..16"], limits=["macs<=200k", "arena<=9kB"], keep=True, metrics=())
        )
        assert (kept.figures["arena"] == UNKNOWN).any()
        assert len(kept.points) == 16

    def test_conditions_exclude_points(self) -> None:
        asked = explorer(
            ["w=1..16", "in_size=8..24:4"], conditions=("w % 2 == 0", "in_size < 2*w or w == 4")
        )
        rows, counts = answer(asked)
        expected = [
            (w, size)
            for w in range(1, 17)
            for size in range(8, 25, 4)
            if w % 2 == 0 and (size < 2 * w or w == 4)
        ]
        shown = [tuple(asked.values(point).values()) for point in zip(*rows.indices, strict=True)]
        assert shown == expected
        assert (counts.excluded, counts.kept) == (80 - len(expected), len(expected))

    @pytest.mark.parametrize("text", ["w +", "w", "v == 1", "relu"])
    def test_conditions_that_cannot_be_read(self, text: str) -> None:
        with pytest.raises(convcalc.ConvcalcError) as caught:
            explorer(["w=1..4"], conditions=(text,))
        assert caught.value.status == 2

    def test_a_condition_without_a_value_at_a_point(self) -> None:
        rows, counts = answer(explorer(["w=1..4"], conditions=("1 // (w - 3) >= 0",)))
        assert (counts.excluded, counts.invalid, counts.kept) == (2, 1, 1)
        assert rows.codes.tolist() == ["bad-expression", ""]


class TestOrder:
    def test_sorted_with_mistakes_last(self) -> None:
        asked = explorer(["k=1..11:2"])
        ranking = Ranking(lambda rows: rows.figures["macs"], ascending=False, top=None)
        for rows, _ in sweep(asked):
            ranking.add(rows)
        found = ranking.rows()
        macs = found.figures["macs"][found.codes == ""].tolist()
        assert macs == sorted(macs, reverse=True)
        wrong = (found.codes != "").tolist()
        assert wrong == sorted(wrong)

    def test_top_keeps_the_first_of_many(self) -> None:
        asked = explorer(["w=1..400", "in_size=12..400"])
        every = answer(asked)[0].figures["macs"]
        ranking = Ranking(lambda rows: rows.figures["macs"], ascending=True, top=5)
        for rows, _ in sweep(asked):
            ranking.add(rows)
        assert ranking.rows().figures["macs"].tolist() == sorted(every.tolist())[:5]

    @pytest.mark.parametrize("seed", range(20))
    def test_the_front_is_what_nothing_beats(self, seed: int) -> None:
        rng = Random(seed)
        largest = [rng.random() < 0.5 for _ in range(rng.randint(1, 3))]
        figures = [np.array([rng.randint(0, 6) for _ in range(30)]) for _ in largest]
        costs = [
            tuple(-c[i] if more else c[i] for c, more in zip(figures, largest, strict=True))
            for i in range(30)
        ]
        expected = [
            not any(
                all(o <= m for o, m in zip(other, mine, strict=True)) and other != mine
                for other in costs
            )
            for mine in costs
        ]
        assert front(figures, largest).tolist() == expected


def squared(number: int) -> int:
    return number * number


def dying(number: int) -> int:
    """Kills its process once, where the environment names a file that is not there."""
    mark = Path(os.environ["CONVCALC_TEST_MARK"])
    if number == 13 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


class TestProcesses:
    def test_an_executor_answers_in_order(self) -> None:
        with ThreadPoolExecutor(3) as pool:
            assert list(in_order(pool, squared, range(100))) == [n * n for n in range(100)]

    def test_nothing_is_lost_where_a_process_is_killed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CONVCALC_TEST_MARK", str(tmp_path / "mark"))
        assert list(on_processes(2, dying, range(40))) == [n * n for n in range(40)]
        assert (tmp_path / "mark").exists()

    def test_the_result_is_that_of_one_process(self) -> None:
        over = [f"{name}={','.join(map(str, VALUES[name]))}" for name in ("wide", "in_size[0]")]
        text = random_spec(Random("processes"))
        alone, counts = answer(explorer([*over, "thin=1..9"], text))
        rows, others = answer(explorer([*over, "thin=1..9"], text), jobs=2)
        assert counts == others
        assert rows.points.tolist() == alone.points.tolist()
        assert all((rows.figures[m] == alone.figures[m]).all() for m in alone.figures)
        assert rows.codes.tolist() == alone.codes.tolist()

    def test_threads_answer_the_same(self) -> None:
        over = ["w=1..60", "in_size=4..60"]
        alone, counts = answer(explorer(over, limits=["macs<=2M"]))
        with ThreadPoolExecutor(3) as pool:
            rows, others = answer(explorer(over, limits=["macs<=2M"]), executor=pool)
        assert counts == others
        assert rows.points.tolist() == alone.points.tolist()

    def test_a_mistake_crosses_processes(self) -> None:
        asked = explorer(["w=1..2000"])
        wrong = asked.question._replace(text="{input: [3, 8, 8]")
        asked.question = wrong
        with pytest.raises(convcalc.ConvcalcError, match="yaml-syntax"):
            list(sweep(asked, jobs=2))
