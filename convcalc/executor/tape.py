"""A run that was taken down call by call, to be made again on other inputs."""

from __future__ import annotations

from collections.abc import Mapping
from time import sleep

import numpy as np

from convcalc.executor.arrays import Array, channels_first, channels_last
from convcalc.executor.store import Pool, Scratch
from convcalc.executor.threads import Stage, Team
from convcalc.shapes import Shape

#: How often a thread looks whether the others are there before it sleeps between two looks.
LOOKS = 2_000
#: Seconds that it sleeps then.
NAP = 1e-4


class Tape:
    """The calls of one run of a program, and the memory that they work on.

    Kernels decide from shapes alone what they call. A second run on inputs of the same shapes makes
    the same calls on the same memory, so that nothing has to be decided or allocated again, and the
    threads need not be told of their part of each layer: each knows the whole run.

    It keeps its memory; a run that would need more than `most` bytes so is not taken down, and made
    anew each time. A copy, also a pickled one, is empty.
    """

    def __init__(self, most: int | None = None) -> None:
        self.pool = Pool(most)
        self._shapes: dict[str, Shape] = {}
        self._inputs: dict[str, Array] = {}
        self._stages: list[Stage] = []
        self._results: dict[int, Array] = {}

    def __reduce__(self) -> tuple[type[Tape], tuple[()]]:
        # The views that calls work on would be copied one by one, and have nothing in common.
        return Tape, ()

    def fits(self, inputs: Mapping[str, Array]) -> bool:
        """Whether these inputs have the shapes of those of the run that was taken down."""
        return {name: value.shape for name, value in inputs.items()} == self._shapes

    @property
    def empty(self) -> bool:
        """Whether the run was not taken down."""
        return self.pool.spent

    def place(self, name: str, value: Array) -> Array:
        """An input of the run that is taken down, (n, c, *sizes), in memory of the tape."""
        last = channels_last(value)
        own = channels_first(self.pool.array(last.shape, last.dtype))
        self._shapes[name] = value.shape
        self._inputs[name] = self.pool.lasting(own)
        np.copyto(own, value)
        return own

    def add(self, stage: Stage) -> None:
        """Takes down what was done."""
        if self.pool.spent:
            # What was taken down before holds memory.
            self._inputs.clear()
            self._stages.clear()
            return
        lasting: Stage = [
            [
                (
                    function,
                    tuple(
                        [
                            self.pool.lasting(value) if isinstance(value, np.ndarray) else value
                            for value in arguments
                        ]
                    ),
                )
                for function, arguments in calls
            ]
            for calls in stage
        ]
        if self._stages and len(lasting) == len(self._stages[-1]) == 1:
            # The same thread goes on: nobody to wait for.
            self._stages[-1][0].extend(lasting[0])
        else:
            self._stages.append(lasting)

    def end(self, results: Mapping[int, Array]) -> dict[int, Array]:
        """Takes down where the results lie; returns them in memory of their own."""
        if self.pool.spent:
            return dict(results)
        self._results = {index: self.pool.lasting(value) for index, value in results.items()}
        return self._copies()

    def play(self, inputs: Mapping[str, Array], threads: int) -> dict[int, Array]:
        """The results of a run on other inputs, in memory of their own."""
        for name, place in self._inputs.items():
            np.copyto(place, inputs[name])
        # More than the widest stage has calls for would only be waited for.
        threads = min(threads, max(map(len, self._stages), default=1))
        with Team(threads, apart=True) as team, np.errstate(all="ignore"):
            playing = _Playing(self._stages, threads)
            team.each(playing.part, range(threads), playing.stop)
        return self._copies()

    def _copies(self) -> dict[int, Array]:
        return {index: value.copy(order="K") for index, value in self._results.items()}


class _Playing:
    """Threads that go through the stages side by side, and meet behind each."""

    def __init__(self, stages: list[Stage], threads: int) -> None:
        self._stages = stages
        self._done = [0] * threads
        self._stopped = False

    def part(self, thread: int, _: Scratch) -> None:
        """The part of one thread, to its end or until another one fails."""
        try:
            for number, stage in enumerate(self._stages, 1):
                if thread < len(stage):
                    for function, arguments in stage[thread]:
                        if self._stopped:
                            return
                        function(*arguments)
                self._done[thread] = number
                self._wait_for(number)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Breaks off the parts of all threads."""
        self._stopped = True

    def _wait_for(self, number: int) -> None:
        """Until all threads are behind a stage.

        They are most of the time there at once; to be woken would take longer than many a layer.
        """
        looks = 0
        while min(self._done) < number and not self._stopped:
            # Also a sleep of no time lets the others have the interpreter.
            sleep(0 if looks < LOOKS else NAP)
            looks += 1
