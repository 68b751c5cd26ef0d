"""The team that shares out a layer: every piece once, errors told, nothing left behind."""

from __future__ import annotations

import os
import threading
from queue import SimpleQueue
from time import sleep
from typing import Any

import numpy as np
import pytest

from convcalc.executor import threads as threads_module
from convcalc.executor.store import Scratch
from convcalc.executor.threads import Team, Worker, places


@pytest.mark.parametrize("size", [1, 2, 4])
class TestEveryPieceIsDoneOnce:
    def test_listed(self, size: int) -> None:
        done: list[int] = []
        with Team(size) as team:
            team.run(lambda piece, worker: worker.do(done.append, piece), range(100))
        assert sorted(done) == list(range(100))

    def test_by_whoever_comes_first(self, size: int) -> None:
        done: list[int] = []
        with Team(size) as team:
            team.each(lambda piece, scratch: done.append(piece), range(100))
            team.each(lambda piece, scratch: done.append(piece), [])
        assert sorted(done) == list(range(100))


def test_a_thread_makes_its_calls_in_order() -> None:
    done: list[tuple[int, int]] = []

    def lists(piece: int, worker: Worker) -> None:
        for call in range(5):
            worker.do(done.append, (piece, call))

    with Team(2) as team:
        team.run(lists, range(20))
    for half in (range(10), range(10, 20)):
        mine = [entry for entry in done if entry[0] in half]
        assert mine == [(piece, call) for piece in half for call in range(5)]


def _fail_at_57(piece: int) -> None:
    if piece == 57:
        raise ValueError("no")


@pytest.mark.parametrize("size", [1, 3])
class TestAnErrorInAnyThreadIsRaised:
    def test_of_a_call(self, size: int) -> None:
        with Team(size) as team:
            for _ in range(20):
                with pytest.raises(ValueError, match="no"):
                    team.run(lambda piece, worker: worker.do(_fail_at_57, piece), range(100))
            # It still works.
            team.run(lambda piece, worker: worker.do(_fail_at_57, piece), range(57))

    def test_of_work(self, size: int) -> None:
        with Team(size) as team:
            for _ in range(20):
                with pytest.raises(ValueError, match="no"):
                    team.each(lambda piece, scratch: _fail_at_57(piece), range(100))
            team.each(lambda piece, scratch: _fail_at_57(piece), range(57))


def test_who_is_stopped_does_not_wait_for_the_others_to_end() -> None:
    """As Ctrl-C does it, in the caller's thread."""
    done: list[int] = []

    def call(piece: int) -> None:
        if piece == 0:
            raise KeyboardInterrupt
        sleep(0.01)
        done.append(piece)

    with Team(2) as team, pytest.raises(KeyboardInterrupt):
        team.run(lambda piece, worker: worker.do(call, piece), range(200))
    assert len(done) < 100


def test_threads_end_with_the_team() -> None:
    before = threading.active_count()
    with Team(4):
        assert threading.active_count() == before + 3
    assert threading.active_count() == before


@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity"), reason="this system has no say where threads run"
)
class TestPlaces:
    def test_each_thread_has_processors_of_its_own(self) -> None:
        allowed = os.sched_getaffinity(0)
        for threads in range(2, len(allowed) + 1):
            dealt = [place or set() for place in places(threads)]
            assert all(dealt)
            assert set().union(*dealt) == allowed
            assert sum(map(len, dealt)) == len(allowed)

    def test_the_caller_stays_where_it_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        allowed = os.sched_getaffinity(0)
        for processor in allowed:
            monkeypatch.setattr(threads_module, "_processor", lambda here=processor: here)
            for threads in range(2, len(allowed) + 1):
                assert processor in (places(threads)[0] or set())

    def test_where_the_system_does_not_tell_threads_run_anywhere(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(threads_module, "_processor", lambda: None)
        assert places(2) == [None, None]

    @pytest.mark.skipif(not os.path.exists("/proc/thread-self/stat"), reason="only Linux tells")
    def test_the_processor_of_the_calling_thread(self) -> None:
        allowed = os.sched_getaffinity(0)
        try:
            for processor in allowed:
                os.sched_setaffinity(0, {processor})
                assert threads_module._processor() == processor
        finally:
            os.sched_setaffinity(0, allowed)

    def test_more_threads_than_processors_run_anywhere(self) -> None:
        threads = len(os.sched_getaffinity(0)) + 1
        assert places(threads) == [None] * threads
        assert places(1) == [None]

    def test_the_caller_is_free_again_afterwards(self) -> None:
        before = os.sched_getaffinity(0)
        seen: list[set[int]] = []

        def look(_: int, scratch: Scratch) -> None:
            sleep(0.01)
            seen.append(os.sched_getaffinity(0))

        with Team(len(before), apart=True) as team:
            team.each(look, range(4 * len(before)))
        assert os.sched_getaffinity(0) == before
        assert set().union(*seen) <= before
        with pytest.raises(ValueError, match="no"), Team(len(before), apart=True) as team:
            team.each(lambda piece, scratch: _fail_at_57(piece), [57])
        assert os.sched_getaffinity(0) == before


def test_what_is_compact_is_not_copied() -> None:
    values = np.arange(24.0).reshape(2, 3, 4)
    with Team(1) as team:
        assert team.compact(values) is values
        copied = team.compact(values[:, :, ::2])
        assert copied.flags.c_contiguous
        np.testing.assert_array_equal(copied, values[:, :, ::2])


class _Interrupted(SimpleQueue[Any]):
    """An interrupt comes when the second piece of work is given out."""

    count = 0

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        self.count += 1
        if self.count == 2:
            raise KeyboardInterrupt
        super().put(item, block, timeout)


def test_an_interrupt_while_work_is_given_out() -> None:
    done: list[int] = []
    team = Team(3)
    team._orders = _Interrupted()
    with pytest.raises(KeyboardInterrupt), team:
        team.run(lambda piece, worker: worker.do(done.append, piece), range(100))
    assert len(done) <= 33
    assert threading.active_count() == 1


def test_threads_that_do_not_start_leave_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start
    started: list[threading.Thread] = []

    def refused(thread: threading.Thread) -> None:
        if len(started) == 2:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refused)
    with pytest.raises(RuntimeError, match="can't start"), Team(5, apart=True):
        pass
    assert threading.active_count() == 1
