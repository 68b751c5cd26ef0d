"""A small team of threads that shares out the pieces of one layer."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import pairwise
from queue import SimpleQueue
from typing import Any, TypeVar

import numpy as np

from convcalc.executor.arrays import Array, channels_first, channels_last
from convcalc.executor.store import Pool, Scratch

T = TypeVar("T")

#: A function, and what it is called with.
Call = tuple[Callable[..., object], tuple[Any, ...]]
#: What is done at the same time: each thread's calls, in their order.
Stage = list[list[Call]]

#: Multiply-accumulates, and numbers written, below which it costs more than it saves to wake
#: another thread for a layer, which takes 50 to 100 microseconds.
WAKE = (12_000_000, 300_000)
#: The same where the run is taken down, whose threads are awake when they are played it.
AWAKE = (3_000_000, 75_000)


class Worker(Scratch):
    """One thread's buffers, and its part of the next stage.

    Kernels list their NumPy calls here before any is made: between two calls of a list a thread
    does next to nothing that the others would have to wait for (the interpreter's lock).
    """

    def __init__(self, pool: Pool | None = None) -> None:
        super().__init__(pool)
        self._calls: list[Call] = []

    def do(self, function: Callable[..., object], *arguments: Any) -> None:
        """Lists a call, which is made when all pieces are listed."""
        self._calls.append((function, arguments))

    def listed(self, lists: Callable[[T, Worker], None], pieces: Iterable[T]) -> list[Call]:
        """The calls that `lists` lists for some pieces."""
        self._calls = []
        for piece in pieces:
            lists(piece, self)
        # It must not keep the arrays of this layer alive.
        calls, self._calls = self._calls, []
        return calls


class Team:
    """`size` threads, the caller's included. Use as a context: the others end with it.

    pool   where results and buffers come from; default: from the system
    tell   is told of every stage that was done
    apart  each thread keeps to processors of its own, as far as there are enough
    """

    def __init__(
        self,
        size: int = 1,
        pool: Pool | None = None,
        tell: Callable[[Stage], None] | None = None,
        *,
        apart: bool = False,
    ) -> None:
        self.size = size
        self._pool = pool
        self._tell = tell
        self._workers = [Worker(pool) for _ in range(size)]
        self._orders: SimpleQueue[_Order | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._apart = apart
        self._before: set[int] | None = None

    def __enter__(self) -> Team:
        own, *others = places(self.size) if self._apart else [None] * self.size
        try:
            for worker, place in zip(self._workers[1:], others, strict=True):
                thread = threading.Thread(target=self._serve, args=(worker, place), daemon=True)
                self._threads.append(thread)
                thread.start()
            if own is not None:
                self._before = os.sched_getaffinity(0)
                stay(own)
        except BaseException:
            # Interrupted in between, or the system has no more threads.
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        stay(self._before)
        for _thread in self._threads:
            self._orders.put(None)
        for thread in self._threads:
            # (One that the system did not start cannot be waited for.)
            if thread.is_alive():
                thread.join()
        self._threads.clear()
        for worker in self._workers:
            worker.clear()

    def worth(self, macs: int, values: int) -> int:
        """How many threads a layer is worth, given its multiply-accumulates and numbers written."""
        least_macs, least_values = WAKE if self._tell is None else AWAKE
        return self.size if macs >= least_macs or values >= least_values else 1

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """An array of arbitrary content for a result, or for all threads together."""
        return np.empty(shape, dtype) if self._pool is None else self._pool.array(shape, dtype)

    def compact(self, value: Array) -> Array:
        """The same values without gaps in memory; copied only if needed."""
        if value.flags.c_contiguous:
            return value
        result = self.empty(value.shape, value.dtype)
        self.do(np.copyto, result, value)
        return result

    def packed(self, value: Array) -> Array:
        """A value (n, c, *sizes) as (n, *sizes, c) without gaps in memory."""
        return self.compact(channels_last(value))

    def run(
        self, lists: Callable[[T, Worker], None], pieces: Iterable[T], threads: int | None = None
    ) -> None:
        """Has `lists` list the calls of each piece, and makes them, with `threads` of the team.

        Every thread gets as many pieces, neighbours together. Returns when all are done. An
        exception in any thread is raised here.
        """
        pieces = list(pieces)
        workers = self._workers[: max(1, min(threads or self.size, len(pieces)))]
        stage: Stage = []
        for number, worker in enumerate(workers):
            first, last = [len(pieces) * n // len(workers) for n in (number, number + 1)]
            stage.append(worker.listed(lists, pieces[first:last]))
        if len(stage) == 1:
            for function, arguments in stage[0]:
                function(*arguments)
        else:
            self._share([_Order(_make, deque(calls)) for calls in stage])
        if self._tell is not None:
            self._tell(stage)

    def do(self, function: Callable[..., object], *arguments: Any) -> None:
        """Makes one call, as a stage of its own."""
        self.run(lambda _, worker: worker.do(function, *arguments), [()])

    def call(self, make: Callable[..., Array], *values: Array) -> Array:
        """What a function makes of values (n, c, *sizes), as a stage of its own.

        It may return a view of one of them.
        """
        made = make(*values)
        if self._tell is None or any(np.may_share_memory(made, value) for value in values):
            return made
        result = channels_first(self.empty(channels_last(made).shape, made.dtype))
        np.copyto(result, made)
        self._tell([[(fill, (result, make, *values))]])
        return result

    def each(
        self,
        work: Callable[[T, Scratch], None],
        pieces: Iterable[T],
        stop: Callable[[], None] | None = None,
    ) -> None:
        """Does `work` on every piece at once, whoever of the team comes first; else like `run`.

        `stop` tells pieces that wait for each other that the caller's was broken off, perhaps
        before it began.
        """
        waiting = deque(pieces)
        self._share([_Order(work, waiting) for _ in range(min(self.size, len(waiting)))], stop)

    def _share(self, orders: Sequence[_Order], stop: Callable[[], None] | None = None) -> None:
        if not orders:
            return
        own, *others = orders
        given: list[_Order] = []
        # An interrupt may come between any two lines.
        try:
            for order in others:
                self._orders.put(order)
                given.append(order)
            own.work_on(self._workers[0])
        except BaseException:
            for order in others:
                order.waiting.clear()
            if stop is not None:
                stop()
            raise
        finally:
            for order in given:
                order.done.acquire()
        for order in others:
            if order.error is not None:
                raise order.error

    def _serve(self, worker: Worker, place: set[int] | None) -> None:
        stay(place)
        # A thread has settings of its own; these are those of `Program.run`.
        with np.errstate(all="ignore"):
            while (order := self._orders.get()) is not None:
                try:
                    order.work_on(worker)
                except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
                    order.error = error
                    order.waiting.clear()
                order.done.release()
                # A waiting thread must not keep the last layer's arrays alive.
                del order


class _Order:
    """One thread's part: what nobody has begun yet, how to do it, and how it went."""

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


def fill(result: Array, make: Callable[..., Array], *values: Array) -> None:
    """Puts what a function makes of values where it belongs."""
    np.copyto(result, make(*values))


def _make(call: Call, _: Scratch) -> None:
    function, arguments = call
    function(*arguments)


def places(threads: int) -> list[set[int] | None]:
    """The processors that each of some threads may keep to, the caller's first; None: to any.

    The system likes to wake a thread on the processor of the one that woke it; if that one waits
    awake, they take turns on one processor, and another is idle. The caller stays where it is, so
    that the callers in several processes stay apart.
    """
    anywhere: list[set[int] | None] = [None] * threads
    if threads == 1 or not hasattr(os, "sched_setaffinity"):
        return anywhere
    allowed = sorted(os.sched_getaffinity(0))
    here = _processor()
    if threads > len(allowed) or here not in allowed:
        return anywhere
    first = allowed.index(here)
    turned = allowed[first:] + allowed[:first]
    bounds = [len(allowed) * number // threads for number in range(threads + 1)]
    return [set(turned[a:b]) for a, b in pairwise(bounds)]


def _processor() -> int | None:
    """The processor that the calling thread runs on, where the system tells."""
    try:
        with open("/proc/thread-self/stat", encoding="utf-8", errors="replace") as file:
            # Behind the name, which may hold anything: the 39th field of proc(5).
            return int(file.read().rpartition(")")[2].split()[36])
    except (OSError, ValueError, IndexError):
        return None


def stay(place: set[int] | None) -> None:
    """Keeps the calling thread to these processors, if there are any to keep to."""
    if place is not None:
        # A system that forbids it is slower, no more.
        with suppress(OSError):
            os.sched_setaffinity(0, place)
