"""A small team of threads that shares out the pieces of one layer."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from queue import SimpleQueue
from typing import Any, TypeVar

import numpy as np

from convcalc.executor.arrays import Array
from convcalc.executor.store import Scratch, Store

T = TypeVar("T")


class Team:
    """`size` threads, the caller's included. Use as a context: the others end with it.

    `kept` is the memory to use, and to leave to the next run.
    """

    def __init__(self, size: int = 1, kept: Store | None = None) -> None:
        self.size = size
        self._kept = kept
        self._scratches = kept.scratches if kept else [Scratch() for _ in range(size)]
        self._orders: SimpleQueue[_Order | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Team:
        for scratch in self._scratches[1:]:
            thread = threading.Thread(target=self._serve, args=(scratch,), daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        for _thread in self._threads:
            self._orders.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        if self._kept is None:
            self.clear()

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """An array of arbitrary content for a result, or for all threads together."""
        return self._kept.results.array(shape, dtype) if self._kept else np.empty(shape, dtype)

    def run(
        self, work: Callable[[T, Scratch], None], pieces: Iterable[T], threads: int | None = None
    ) -> None:
        """Does `work` on every piece, in any order, with `threads` of the team or all of it.

        Returns when all are done.

        An exception, of any thread, stops the remaining pieces and is raised here.
        """
        waiting = deque(pieces)
        helpers = min(len(self._threads), len(waiting) - 1, (threads or self.size) - 1)
        if helpers < 1:
            for piece in waiting:
                work(piece, self._scratches[0])
            return
        orders = [_Order(work, waiting) for _ in range(helpers)]
        for order in orders:
            self._orders.put(order)
        try:
            orders[0].work_on(self._scratches[0])
        finally:
            waiting.clear()
            for order in orders:
                order.done.acquire()
        for order in orders:
            if order.error is not None:
                raise order.error

    def clear(self) -> None:
        """Gives all threads' buffers back."""
        for scratch in self._scratches:
            scratch.clear()

    def _serve(self, scratch: Scratch) -> None:
        # A thread has settings of its own; these are those of `Program.run`.
        with np.errstate(all="ignore"):
            while (order := self._orders.get()) is not None:
                try:
                    order.work_on(scratch)
                except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
                    order.error = error
                    order.waiting.clear()
                order.done.release()
                # A waiting thread must not keep the last layer's arrays alive.
                del order


class _Order:
    """One thread's part of a layer: what to do, the pieces nobody has begun, and how it went."""

    def __init__(self, work: Callable[[Any, Scratch], None], waiting: deque[Any]) -> None:
        self.work = work
        self.waiting = waiting
        # Taken until the thread is done. (A semaphore is made of locks in Python, and slower.)
        self.done = threading.Lock()
        self.done.acquire()
        self.error: BaseException | None = None

    def work_on(self, scratch: Scratch) -> None:
        while True:
            try:
                piece = self.waiting.popleft()
            except IndexError:
                return
            self.work(piece, scratch)
