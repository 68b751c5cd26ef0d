"""The specs of one run: each is read once, and its variants share the limit on layers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, NoReturn

from convcalc.exchange.load import opened
from convcalc.graph import Network
from convcalc.language.building.evaluation import MOST_LAYERS, layer_limit
from convcalc.language.building.inputs import InputShapes
from convcalc.language.shipped import is_word
from convcalc.problems import ConvcalcError, Problem

if TYPE_CHECKING:
    from convcalc.exchange.load import Definition


class Specs:
    """Reads specs, and makes networks of them.

    All variants of a file may have as many layers together as one network may. Shipped networks
    share one such limit: whoever names them in convcalc.yaml does not have to write a file for it.
    """

    def __init__(self, max_layers: int = MOST_LAYERS) -> None:
        self._max_layers = max_layers
        #: The spec that was read last: the variants of a file mostly follow each other.
        self._file = ""
        self._last: Definition | None = None
        #: Files that cannot be read: their problems and status.
        self._broken: dict[str, tuple[tuple[Problem, ...], int]] = {}
        #: What was spent on each file, in layers.
        self._efforts: dict[str, int] = {}

    def spec(self, file: str, *, named: bool = False) -> Definition:
        """The spec of a file that the user named, or that was found; raises ConvcalcError."""
        if self._last is not None and self._file == file:
            return self._last
        self._last = None  # to be freed before another is read
        if file in self._broken:
            raise ConvcalcError(*self._broken[file])
        self._left(file)
        try:
            found = opened(file, named=named)
        except ConvcalcError as error:
            self._broken[file] = error.problems, error.status
            raise
        if _limited(file) in self._efforts:
            self._spend(file, found.effort)
        else:
            # As with other commands, one reading of a file is free.
            self._efforts[_limited(file)] = 0
        self._file, self._last = file, found
        return found

    def network(
        self,
        file: str,
        args: Mapping[str, object],
        inputs: InputShapes | None = None,
        *,
        named: bool = False,
    ) -> Network:
        """A variant of a file's network; raises ConvcalcError."""
        of_file = self.spec(file, named=named)
        left = self._left(file)
        before = of_file.effort
        try:
            return of_file.network(args, inputs, max_layers=left)
        except ConvcalcError as error:
            shared = left < self._max_layers
            if shared and any(problem.code == "too-many-layers" for problem in error.problems):
                self._refuse(file)
            raise
        finally:
            self._spend(file, of_file.effort - before)

    def _left(self, file: str) -> int:
        """How many layers a further variant of a file may have; raises ConvcalcError."""
        left = self._max_layers - self._efforts.get(_limited(file), 0)
        if left < 1:
            self._refuse(file)
        return left

    def _spend(self, file: str, effort: int) -> None:
        key = _limited(file)
        self._efforts[key] = self._efforts.get(key, 0) + effort

    def _refuse(self, file: str) -> NoReturn:
        message = "its variants, together with those before it, have too many layers"
        if not _limited(file):
            message = "the shipped networks, together with those before it, have too many layers"
        facts = layer_limit(self._max_layers)
        raise ConvcalcError([Problem("too-many-layers", message, None, facts).about(file=file)])


def _limited(file: str) -> str:
    """What a file is counted as: all shipped networks are one."""
    return "" if is_word(file) and not os.path.isfile(file) else file
