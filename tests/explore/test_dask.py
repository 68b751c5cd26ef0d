"""Variants on a cluster: Dask's executor, with two workers of which one is killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from typing import Any

import numpy as np
import pytest

import convcalc
from convcalc.explore import evaluate
from convcalc.explore import sweep as sweeping
from convcalc.explore.columns import Column
from convcalc.explore.ranges import read_variable
from convcalc.explore.sweep import Explorer, Question, sweep
from convcalc.language.load import spec as read_spec

distributed: Any = pytest.importorskip("distributed", reason="Dask is not installed")


@pytest.fixture
def client() -> Iterator[Any]:
    """A cluster of two workers, each a process of its own."""
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            host="127.0.0.1",
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.wait_for_workers(2)
        yield client


class Killing(Executor):
    """An executor that kills one of a cluster's workers when it is asked for the `at`-th time.

    asked  how often it was asked
    """

    def __init__(self, client: Any, at: int) -> None:
        self.inner = client.get_executor()
        self.pids = list(client.run(os.getpid).values())
        self.at = at
        self.asked = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Asks the cluster."""
        self.asked += 1
        if self.asked == self.at:
            os.kill(self.pids[0], signal.SIGKILL)
        found: Future[Any] = self.inner.submit(fn, *args, **kwargs)
        return found


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def columns(found: dict[str, Column]) -> dict[str, list[Any]]:
    return {name: column.tolist() for name, column in found.items()}


@pytest.mark.no_cover
def test_evaluate_loses_nothing_where_a_worker_is_killed(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "CHUNK", 20)
    widths = [width / 20 for width in range(5, 25)]
    variants = {"width": widths * 30, "in_size": [size for size in range(30, 60) for _ in widths]}
    metrics = ["params", "macs", "peak_in_place", "arena"]
    alone = convcalc.evaluate("mobilenet_v1", variants, metrics, dtype="int8")
    killing = Killing(client, 18)
    found = convcalc.evaluate("mobilenet_v1", variants, metrics, dtype="int8", executor=killing)
    assert killing.asked == 30, "each part is asked for once"
    assert not is_alive(killing.pids[0])
    assert columns(found) == columns(alone)


@pytest.mark.no_cover
def test_sweep_has_every_point_once_where_a_worker_is_killed(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "_FIRST", 50)
    monkeypatch.setattr(sweeping, "_MOST", 50)
    spec = read_spec("mobilenet_v1")
    space = [read_variable(spec, text) for text in ("width=0.25..1:0.05", "in_size=32..131")]
    question = Question(
        spec.source.path,
        spec.source.text,
        tuple([(variable.name, variable.values) for variable in space]),
        metrics=("params", "macs", "peak_memory"),
    )
    alone = list(sweep(Explorer(question)))
    killing = Killing(client, 20)
    found = list(sweep(Explorer(question), executor=killing))
    assert not is_alive(killing.pids[0])
    points = np.concatenate([rows.points for rows, _ in found])
    assert points.tolist() == list(range(1600))
    assert [counts for _, counts in found] == [counts for _, counts in alone]
    for (rows, _), (others, _) in zip(found, alone, strict=True):
        assert columns(rows.figures) == columns(others.figures)
