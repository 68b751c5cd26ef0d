"""Pairs the arrays of a file with a network's where their names differ: by structure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

from convcalc.exchange.arrays import ArraySource, Header
from convcalc.executor.weights import array_shapes
from convcalc.graph import Network
from convcalc.problems import UNUSABLE, ConvcalcError, Help, Note, Problem
from convcalc.shapes import Shape, tuple_text

#: What the arrays of one layer are: their names and shapes.
Structure: TypeAlias = tuple[tuple[str, Shape], ...]

#: How many structures that differ an error lists.
_MOST_NOTES = 5


class Renamed:
    """Arrays under other names; a file of arrays in all but its format.

    names     the name of each in the file, by the name that it has here
    repeated  arrays that the file does not have: their shapes, and the number that they repeat
    """

    def __init__(
        self,
        arrays: ArraySource,
        names: Mapping[str, str],
        repeated: Mapping[str, tuple[Shape, float]] = MappingProxyType({}),
    ) -> None:
        self._arrays = arrays
        self._repeated = repeated
        self.names = dict(names)
        self.headers = {name: arrays.headers[inside] for name, inside in names.items()}
        for name, (shape, _) in repeated.items():
            self.headers[name] = Header(shape, np.dtype(np.float32))

    def read(self, name: str) -> Any:
        """The values of one array."""
        if name in self._repeated:
            shape, number = self._repeated[name]
            return np.full(shape, number, np.float32)
        return self._arrays.read(self.names[name])


def paired(network: Network, arrays: ArraySource, source: str) -> Renamed:
    """The arrays of a file under the names of a network's.

    The arrays of one layer have one prefix in the file, `layer1.0.conv1.weight` and
    `layer1.0.conv1.bias`, and the names weight, bias, running_mean and running_var. Layers whose
    arrays have the same names and shapes are paired in order. Single numbers, such as PyTorch's
    num_batches_tracked, belong to nothing.

    Raises ConvcalcError with status 2 where the two have not equally many of some structure.
    """
    ours = _of_network(network)
    theirs = _of_file(arrays.headers)
    names: dict[str, str] = {}
    notes: list[str] = []
    for structure in dict.fromkeys([*ours, *theirs]):
        mine, found = ours.get(structure, []), theirs.get(structure, [])
        if len(mine) != len(found):
            shapes = ", ".join([f"{name} {tuple_text(shape)}" for name, shape in structure])
            notes.append(f"with {shapes}: {_layers(mine)}, in the file {_layers(found)}")
        for layer, prefix in zip(mine, found, strict=False):
            for name, _ in structure:
                names[f"{layer}.{name}"] = f"{prefix}.{name}" if prefix else name
    if notes:
        message = f"{source} cannot be paired with {network.name} by structure"
        if len(notes) > _MOST_NOTES:
            notes[_MOST_NOTES:] = [f"and {len(notes) - _MOST_NOTES} more"]
        folded = Help("a batchnorm that an exporter folded into its convolution has no arrays")
        problem = Problem("bad-weights", message, None, (*map(Note, notes), folded))
        raise ConvcalcError([problem], UNUSABLE)
    return Renamed(arrays, names)


def _of_network(network: Network) -> dict[Structure, list[str]]:
    """The paths of the layers with arrays, by their structure."""
    found: dict[Structure, list[str]] = {}
    for index, node in enumerate(network.nodes):
        shapes = array_shapes(network, index)
        if shapes:
            found.setdefault(tuple(sorted(shapes.items())), []).append(node.path)
    return found


def _of_file(headers: Mapping[str, Header]) -> dict[Structure, list[str]]:
    """The prefixes of the arrays of one layer, by their structure, in order."""
    layers: dict[str, dict[str, Shape]] = {}
    for name in _in_order([*headers]):
        shape = tuple(headers[name].shape)
        if shape:
            prefix, _, last = name.rpartition(".")
            layers.setdefault(prefix, {})[last] = shape
    found: dict[Structure, list[str]] = {}
    for prefix, shapes in layers.items():
        found.setdefault(tuple(sorted(shapes.items())), []).append(prefix)
    return found


def _in_order(names: Sequence[str]) -> list[str]:
    """The names in the order of the file; where that is the alphabet's, by their numbers."""
    if list(names) == sorted(names):
        return sorted(names, key=_natural)
    return list(names)


def _natural(name: str) -> list[tuple[int, str]]:
    """A key with which `layer10` follows `layer9`."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def _layers(names: Sequence[str]) -> str:
    count = len(names)
    return f"{count} layer{'s' if count != 1 else ''}"
