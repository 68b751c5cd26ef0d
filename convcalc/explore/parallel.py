"""Parts of a space on several processes or machines: answers come in order, and none is lost.

Any executor of `concurrent.futures` will do. Each process reads the spec once and keeps its traces.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from typing import TypeVar

T = TypeVar("T")
A = TypeVar("A")

#: Parts that are asked for before the first of them is answered.
_AHEAD = 16
#: How often processes that died are replaced.
_MOST_DEATHS = 3


def in_order(executor: Executor | None, work: Callable[[A], T], parts: Iterable[A]) -> Iterator[T]:
    """What `work` makes of each part, in their order; here where there is no executor."""
    if executor is None:
        yield from map(work, parts)
        return
    waiting: deque[Future[T]] = deque()
    try:
        for part in parts:
            waiting.append(executor.submit(work, part))
            if len(waiting) >= _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def on_processes(count: int, work: Callable[[A], T], parts: Iterable[A]) -> Iterator[T]:
    """The same on so many processes of this machine.

    Where a process is killed, new ones go on with the parts that are not answered.
    """
    unanswered: deque[A] = deque()
    left = iter(parts)

    def taken() -> Iterator[A]:
        yield from list(unanswered)
        for part in left:
            unanswered.append(part)
            yield part

    deaths = 0
    whole = False
    while not whole:
        try:
            with ProcessPoolExecutor(count) as pool:
                for answer in in_order(pool, work, taken()):
                    unanswered.popleft()
                    yield answer
            whole = True
        except BrokenExecutor:
            deaths += 1
            if deaths > _MOST_DEATHS:
                raise
