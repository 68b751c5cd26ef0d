"""The threads that share a layer: each item once, errors raised, nothing left behind."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from time import sleep
from typing import Any

import pytest

from convcalc.executor.thread_pool import ThreadPool
from convcalc.executor.workspace import Workspace


def pool_of(size: int) -> ThreadPool:
    return ThreadPool([Workspace() for _ in range(size)])


@pytest.mark.parametrize("size", [1, 2, 4])
def test_every_item_is_worked_on_once(size: int) -> None:
    done: list[int] = []
    with pool_of(size) as pool:
        for count in (100, 1, 0):
            done.clear()
            pool.run(lambda item, _: done.append(item), range(count))
            assert sorted(done) == list(range(count))


def test_threads_have_workspaces_of_their_own() -> None:
    seen: set[tuple[int, int]] = set()

    def look(_: int, workspace: Workspace) -> None:
        sleep(0.001)
        seen.add((threading.get_ident(), id(workspace)))

    with pool_of(3) as pool:
        pool.run(look, range(60))
    assert len({thread for thread, _ in seen}) == len({space for _, space in seen}) == len(seen)
    assert len(seen) > 1


@pytest.mark.parametrize("size", [1, 3])
def test_an_error_in_any_thread_is_raised(size: int) -> None:
    def fail_at_57(item: int, _: Workspace) -> None:
        if item == 57:
            raise ValueError("no")

    with pool_of(size) as pool:
        for _ in range(20):
            with pytest.raises(ValueError, match="no"):
                pool.run(fail_at_57, range(100))
        # It still works.
        pool.run(fail_at_57, range(57))


def test_an_interrupt_stops_the_others_soon() -> None:
    """Ctrl-C raises in the calling thread."""
    done: list[int] = []

    def work(item: int, _: Workspace) -> None:
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt
        sleep(0.01)
        done.append(item)

    with pytest.raises(KeyboardInterrupt), pool_of(2) as pool:
        pool.run(work, range(200))
    assert len(done) < 100
    assert threading.active_count() == 1


class _Interrupted(SimpleQueue[Any]):
    """An interrupt comes when the second thread is asked to help."""

    count = 0

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        self.count += 1
        if self.count == 2:
            raise KeyboardInterrupt
        super().put(item, block, timeout)


def test_an_interrupt_before_all_threads_have_started() -> None:
    pool = pool_of(3)
    pool._shares = _Interrupted()
    with pytest.raises(KeyboardInterrupt), pool:
        pool.run(lambda item, _: sleep(0.01), range(1000))
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
    with pytest.raises(RuntimeError, match="can't start"), pool_of(5):
        pass
    assert threading.active_count() == 1
