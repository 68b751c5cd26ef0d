"""A model file in the place of a spec: it makes networks, and its arguments are its dimensions."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

from convcalc import given
from convcalc.exchange.files import ModelFile, open_model, read_bytes
from convcalc.exchange.model import Choices, Model
from convcalc.gc_pause import gc_paused
from convcalc.graph import Network
from convcalc.language.building.evaluation import MOST_LAYERS
from convcalc.language.building.inputs import InputShapes
from convcalc.language.building.spec import Reading
from convcalc.problems import ConvcalcError, Problem, Source, Span, Subject, printable, refused
from convcalc.shapes import LARGEST_SIZE

if TYPE_CHECKING:
    from convcalc.exchange.formats import Format
    from convcalc.language.building.expectations import Expectation
    from convcalc.language.reading.limits import Limit

#: The argument that chooses a member of a family, where the format has families.
_SCALE = "scale"


class Cut(NamedTuple):
    """What is decided about model files beside the sizes of their dimensions.

    outputs  the values at which a network is cut, by their names in the file
    scale    which member of a family a file stands for, such as "n"
    """

    outputs: tuple[str, ...] = ()
    scale: str = ""


_WHOLE = Cut()
_CUT: ContextVar[Cut] = ContextVar("cut", default=_WHOLE)


@contextmanager
def reading_models(*, outputs: tuple[str, ...] = (), scale: str = "") -> Iterator[None]:
    """Decides in a block how model files are read, as `--outputs` and `--scale` do."""
    token = _CUT.set(Cut(outputs, scale))
    try:
        yield
    finally:
        _CUT.reset(token)


class ModelSpec:
    """A model file that was opened; it makes networks as a `Spec` does.

    name    of the network: the name of the file
    source  a text without content: a model's nodes have no lines
    args    the file's named dimensions that were used, and `scale` where it describes a family
    effort  what reading it took so far, in layers

    It has no expectations, no limits and no tags: the spec that is kept beside it has them.
    """

    expectations: tuple[Expectation, ...] = ()
    budget: tuple[Limit, ...] = ()
    tags: tuple[str, ...] = ()
    bases: Mapping[Source, Span] = {}
    problems: tuple[Problem, ...] = ()

    def __init__(self, file: ModelFile, of_format: Format, source: Source) -> None:
        self._file = file
        self._format = of_format
        self.source = source
        self.name = _stem(file.name, of_format)
        self.effort = 0
        self.args: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"<ModelSpec {self.name} of {self.source.name}>"

    @classmethod
    def opened(cls, path: str, of_format: Format, *, named: bool = True) -> ModelSpec:
        """The model in a file; raises ConvcalcError with status 2 where it cannot be opened."""
        file = open_model(path, named=named)
        return cls(file, of_format, Source(file.name, "", path, named=named))

    @classmethod
    def of_source(cls, source: Source, of_format: Format) -> ModelSpec:
        """A model that is written as text."""
        file = read_bytes(source.path or source.name, source.text.encode(), name=source.name)
        return cls(file, of_format, source)

    @gc_paused()
    def model(
        self,
        args: Mapping[str, object] | None = None,
        input: InputShapes | None = None,
        *,
        max_layers: int = MOST_LAYERS,
    ) -> Model:
        """The network with what else the file holds; the arguments are those of `network`."""
        chosen = dict(given.mapping("args", args))
        cut = _CUT.get()
        scale = str(chosen.pop(_SCALE, cut.scale)) if self._format.scales else ""
        dims = {str(name): _size(str(name), value) for name, value in chosen.items()}
        most = given.whole("max_layers", max_layers)
        choices = Choices(dims, input, cut.outputs, scale, most)
        model = self._format.reader()(self._file, choices)
        self.effort += max(len(model.network.nodes), 1)
        for name in dims:
            if name not in model.dims:
                raise _no_dimension(name, [*model.dims], self._file.name)
        self.args = dict(model.dims)
        return model

    def network(
        self,
        args: Mapping[str, object] | None = None,
        input: InputShapes | None = None,
        *,
        max_layers: int = MOST_LAYERS,
    ) -> Network:
        """The network of the model with these dimensions and this input.

        args        sizes of named dimensions: {"height": 640}
        input       overrides the input's sizes, without the batch axis
        max_layers  the most layers that the network may have

        Raises ConvcalcError with status 2 where the file cannot be read, or a dimension has no
        size.
        """
        return self.model(args, input, max_layers=max_layers).network

    def read(
        self,
        args: Mapping[str, object] | None = None,
        input: InputShapes | None = None,
        *,
        max_layers: int = MOST_LAYERS,
    ) -> Reading:
        """The network, or what is wrong with the file."""
        try:
            return Reading(self.network(args, input, max_layers=max_layers), ())
        except ConvcalcError as error:
            return Reading(None, error.problems)

    def changes(self, args: Mapping[str, object]) -> dict[str, Any]:
        """The arguments that these values set."""
        return dict(args)

    def variant(self, args: Mapping[str, object]) -> str:
        """What the network with these arguments is called: "height=640 width=640"."""
        return " ".join([f"{name}={value}" for name, value in args.items()])


def _stem(name: str, of_format: Format) -> str:
    """The name of the network: that of the file without folder and suffix."""
    base = os.path.basename(name)
    suffix = max([end for end in of_format.suffixes if base.endswith(end)], key=len, default="")
    return (base.removesuffix(suffix) if suffix else os.path.splitext(base)[0]) or "network"


def _size(name: str, value: object) -> int:
    """The size of a dimension, which may be written as text."""
    try:
        size = int(str(value))
    except ValueError:
        size = 0
    if not 1 <= size <= LARGEST_SIZE:
        subject = Subject(option="--dim", argument=name, value=str(value))
        message = f"a dimension is a whole number from 1 to {LARGEST_SIZE}"
        raise ConvcalcError([Problem("bad-value", message, None, (), (), subject)], 2)
    return size


def _no_dimension(name: str, dims: Sequence[str], file: str) -> ConvcalcError:
    known = ", ".join([printable(dim) for dim in dims[:10]])
    help_text = f"it has {known}" if dims else "its sizes are all fixed: --input overrides them"
    message = f"{printable(file, 200)} has no dimension '{printable(name)}' without a size"
    return refused("unknown-argument", message, help_text)
