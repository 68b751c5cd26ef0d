"""A small team of threads that shares out the pieces of one layer."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from math import prod
from queue import SimpleQueue
from typing import Any, TypeVar

import numpy as np

from convcalc.executor.arrays import Array

T = TypeVar("T")


class Scratch:
    """One thread's buffers, kept from piece to piece and from layer to layer."""

    def __init__(self) -> None:
        self._buffers: dict[str, Array] = {}

    def array(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        """An array of arbitrary content, on the buffer of this name."""
        dtype = np.dtype(dtype)
        size = prod(shape) * dtype.itemsize
        buffer = self._buffers.get(name)
        if buffer is None or buffer.size < size:
            self._buffers.pop(name, None)
            buffer = self._buffers[name] = np.empty(size, np.uint8)
        array: Array = buffer[:size].view(dtype).reshape(shape)
        return array

    def clear(self) -> None:
        """Gives all buffers back."""
        self._buffers.clear()


class Team:
    """`size` threads, the caller's included. Use as a context: the others end with it."""

    def __init__(self, size: int = 1) -> None:
        self.size = size
        self._scratches = [Scratch() for _ in range(size)]
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
        self.clear()

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
        order = _Order(work, waiting)
        for _ in range(helpers):
            self._orders.put(order)
        try:
            order.work_on(self._scratches[0])
        finally:
            waiting.clear()
            for _ in range(helpers):
                order.done.acquire()
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
    """A layer's work: what to do, the pieces nobody has begun, and how it went."""

    def __init__(self, work: Callable[[Any, Scratch], None], waiting: deque[Any]) -> None:
        self.work = work
        self.waiting = waiting
        self.done = threading.Semaphore(0)
        self.error: BaseException | None = None

    def work_on(self, scratch: Scratch) -> None:
        while True:
            try:
                piece = self.waiting.popleft()
            except IndexError:
                return
            self.work(piece, scratch)
