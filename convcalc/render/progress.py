"""Progress bars on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from convcalc.graph import Network, Node
from convcalc.problems import printable

#: Seconds before the bar appears.
PATIENCE = 0.3


class RunProgress:
    """A bar on a terminal: the current layer, the share of operations done, and the time left.

    Progress is measured in predicted operations, plus a thousand for each layer. Short runs show
    no bar.
    """

    def __init__(self, network: Network, repeat: int, *, shown: bool) -> None:
        self._start = time.monotonic()
        self._bar: Any = None
        self._task: Any = None
        self._done = 0
        self._current = 0
        self._shown = shown
        self._work: Callable[[Node], int] = lambda node: (
            1000 + sum(node.layer.counts(network.input_shapes(node), node.shape))
        )
        self._all = repeat * sum(map(self._work, network.operations)) if shown else 0

    def __enter__(self) -> RunProgress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def begin(self, node: Node) -> None:
        """Called before a layer runs."""
        if not self._shown:
            return
        self._done += self._current
        self._current = self._work(node)
        if self._bar is None and time.monotonic() - self._start > PATIENCE:
            self._draw()
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, layer=printable(node.path, 40))

    def _draw(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeRemainingColumn,
        )

        self._bar = Progress(
            # Names are data, not markup.
            TextColumn("{task.fields[layer]}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=Console(file=sys.stderr),
            transient=True,
        )
        self._task = self._bar.add_task("", total=self._all, layer="")
        self._bar.start()


@contextmanager
def points_done(total: int, start: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """A bar of points with their rate and the time left; what is called with those that are done.

    It appears after a moment, and never if it is not to be shown.
    """
    if not shown:
        yield lambda _: None
        return
    begun = time.monotonic()
    bar: Any = None

    def show(done: int) -> None:
        nonlocal bar
        if bar is None and time.monotonic() - begun > PATIENCE:
            bar = _points_bar(total, start)
        if bar is not None:
            rate = int((done - start) / max(time.monotonic() - begun, 0.001))
            bar.update(0, completed=done, rate=f"{rate:,}")

    try:
        yield show
    finally:
        if bar is not None:
            bar.stop()


def _points_bar(total: int, start: int) -> Any:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    bar = Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]} a second", markup=False),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
        transient=True,
    )
    bar.add_task("", total=total, completed=start, rate="")
    bar.start()
    return bar


def tracked(names: Sequence[str]) -> Iterable[str]:
    """Iterates over the names with a progress bar."""
    from rich.console import Console
    from rich.progress import track

    return track(names, "reading", console=Console(stderr=True), transient=True)
