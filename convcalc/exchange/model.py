"""What a reader of model files is asked for, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from convcalc.exchange.files import ModelFile
from convcalc.graph import Network
from convcalc.language.building.evaluation import MOST_LAYERS
from convcalc.language.building.inputs import InputShapes
from convcalc.record import Record
from convcalc.shapes import Shape


class Choices(Record):
    """What the user decides about a model that its file leaves open.

    dims        the sizes of named dimensions, as `--dim height=640` gives them
    input       overrides the sizes of inputs, without the batch axis, as in `Spec.network`
    outputs     the values at which the network is cut, by their names in the file; empty for its
                own outputs
    scale       the scale of a family of models in one file, such as "n"; "" for the file's own
    max_layers  the most layers that the network may have
    """

    dims: Mapping[str, int] = {}
    input: InputShapes | None = None
    outputs: tuple[str, ...] = ()
    scale: str = ""
    max_layers: int = MOST_LAYERS


class Tensor(NamedTuple):
    """Where the numbers of one parameter lie; they are not read before they are needed.

    file    that holds them
    offset  of their first byte in it
    length  in bytes
    dtype   as NumPy names it: "float32"; "bfloat16" too
    shape   in the file
    steps   how the stored array becomes the parameter, in order: ("transpose", (1, 0)),
            ("reshape", (64, 3, 7, 7)), ("slice", (axis, start, stop)), ("take", (axis, 0, 2, 1))
    """

    file: ModelFile
    offset: int
    length: int
    dtype: str
    shape: Shape
    steps: tuple[tuple[str, tuple[int, ...]], ...] = ()


class Computed(Record):
    """Numbers of a parameter that are computed of others before the network runs.

    inputs   where those lie; None for one that is left out
    compute  what becomes of their arrays; raises ConvcalcError where that is not known
    dtype    of the result, as NumPy names it
    shape    of the result
    steps    how it becomes the parameter, as those of a `Tensor`
    """

    inputs: tuple[Source | None, ...]
    compute: Callable[..., Any]
    dtype: str
    shape: Shape
    steps: tuple[tuple[str, tuple[int, ...]], ...] = ()


#: Where the numbers of one parameter come from.
Source: TypeAlias = Tensor | Computed


class Tensors(Mapping[str, Source]):
    """The tensors of a network, found when the first one is asked for: most commands need none."""

    def __init__(self, find: Callable[[], Mapping[str, Source]]) -> None:
        self._find = find
        self._found: Mapping[str, Source] | None = None

    def _all(self) -> Mapping[str, Source]:
        if self._found is None:
            self._found = self._find()
        return self._found

    def __getitem__(self, name: str) -> Source:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


class Model(Record):
    """A model file, read.

    network  built by `GraphBuilder`; its paths are made of the file's own names where these say
             something
    dims     the file's named dimensions, with the sizes that were used
    tensors  "conv0.weight": where the numbers of that parameter or buffer lie; empty where the
             format has no weights
    names    what the file calls a node's value, by the node's path
    """

    network: Network
    dims: Mapping[str, int] = {}
    tensors: Mapping[str, Source] = {}
    names: Mapping[str, str] = {}
