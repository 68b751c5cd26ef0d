"""Threads that share the blocks of one layer."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from queue import SimpleQueue
from typing import TypeVar

import numpy as np

from convcalc.executor.workspace import Workspace

T = TypeVar("T")

#: Works with a workspace until nothing is left to do; returns the exception that stopped it.
Share = Callable[[Workspace], "BaseException | None"]


class ThreadPool:
    """The calling thread and others, one for each workspace. Use it as a context manager.

    (`concurrent.futures` takes twice as long to hand out work, which costs small networks 8 %.)
    """

    def __init__(self, workspaces: Sequence[Workspace]) -> None:
        self.size = len(workspaces)
        self._workspaces = workspaces
        self._threads: list[threading.Thread] = []
        self._shares: SimpleQueue[Share | None] = SimpleQueue()
        self._results: SimpleQueue[BaseException | None] = SimpleQueue()

    def __enter__(self) -> ThreadPool:
        try:
            for workspace in self._workspaces[1:]:
                thread = threading.Thread(target=self._serve, args=(workspace,), daemon=True)
                self._threads.append(thread)
                thread.start()
        except BaseException:  # an interrupt, or the system has no more threads
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for _thread in self._threads:
            self._shares.put(None)
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        self._threads.clear()

    def run(self, work: Callable[[T, Workspace], None], items: Iterable[T]) -> None:
        """Calls `work` once for each item; returns when all calls have returned.

        A thread takes the next item when it has finished one. After an exception or an interrupt in
        any thread no further item is taken, and the exception is raised here.
        """
        waiting = deque(items)

        def share(workspace: Workspace) -> BaseException | None:
            try:
                while True:
                    try:
                        item = waiting.popleft()
                    except IndexError:
                        return None
                    work(item, workspace)
            except BaseException as error:  # noqa: BLE001 - raised by the calling thread
                waiting.clear()
                return error

        others = min(self.size, len(waiting)) - 1
        started = 0
        try:
            while started < others:
                self._shares.put(share)
                started += 1
            errors = [share(self._workspaces[0])]
        finally:
            waiting.clear()
            found = [self._results.get() for _ in range(started)]
        for error in (*errors, *found):
            if error is not None:
                raise error

    def _serve(self, workspace: Workspace) -> None:
        # NumPy keeps its handling of floating-point errors for each thread; see `Program.run`.
        np.seterr(all="ignore")
        while (share := self._shares.get()) is not None:
            self._results.put(share(workspace))
            # A waiting thread must not keep the arrays of the last layer alive.
            del share
