"""Networks from any file: specs, and the models of other programs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from convcalc import given
from convcalc.exchange.formats import format_of, format_of_text
from convcalc.gc_pause import gc_paused
from convcalc.graph import Network
from convcalc.language.building.evaluation import MOST_LAYERS
from convcalc.language.building.inputs import InputShapes
from convcalc.language.building.spec import Spec, read_spec
from convcalc.language.load import find_source, opener_of
from convcalc.language.shipped import is_word
from convcalc.problems import Source
from convcalc.roots import is_stream

if TYPE_CHECKING:
    from convcalc.exchange.definition import ModelSpec

    Definition = Spec | ModelSpec


def spec(path: str | os.PathLike[str], *, text: str | None = None) -> Definition:
    """The spec in a file, or the shipped one of that name; "-" reads standard input.

    A model file (ONNX, darknet, Ultralytics, Keras, TFLite) is one too: its arguments are its
    named dimensions.

    text  the file's content, where it is not to be read: a buffer of an editor, say

    The file is read once, and networks are made of it by `network`. Raises ConvcalcError: status 1
    where the file is not a mapping in YAML, 2 where it cannot be opened.

    >>> lenet = spec("lenet")
    >>> lenet.network(input=[1, 32, 32]).inputs
    {'input': (1, 32, 32)}
    """
    if text is not None:
        given.text("text", text)
    return opened(given.path("path", path), text=text)


def opened(path: str, *, named: bool = True, text: str | None = None) -> Definition:
    """The spec or model of a file.

    named  whether the user named the file; of what was only found, no text is shown where it is no
           spec

    Raises as `spec` does.
    """
    known = format_of(path) if text is None else None
    if known is not None:
        from convcalc.exchange.definition import ModelSpec  # most files are specs

        return ModelSpec.opened(path, known, named=named)
    if text is not None:
        source = Source(path, text)
    elif _is_text(path):
        source = find_source(path, named=named)
    else:
        from convcalc.exchange.definition import ModelSpec
        from convcalc.exchange.unnamed import open_unnamed

        found = open_unnamed(path, named=named)
        if not isinstance(found, Source):
            file, of_format = found
            return ModelSpec(file, of_format, Source(file.name, "", path, named=named))
        source = found
    written = format_of_text(source.text)
    if written is not None:
        from convcalc.exchange.definition import ModelSpec

        return ModelSpec.of_source(source, written)
    return read_spec(source, opener_of(source))


def _is_text(path: str) -> bool:
    """Whether a path says that it is a text: by its suffix, or as the name of a shipped network."""
    if is_stream(path):
        return False
    suffixes = (".yaml", ".yml", ".json")
    return path.lower().endswith(suffixes) or (is_word(path) and not os.path.isfile(path))


@gc_paused()
def load(
    path: str | os.PathLike[str],
    *,
    args: Mapping[str, object] | None = None,
    input: InputShapes | None = None,
    max_layers: int = MOST_LAYERS,
) -> Network:
    """The network in a file, or the shipped one of that name; "-" reads standard input.

    args        override the file's arguments, as `--set` does: {"width": "0.5"} or {"width": 2};
                those of a model file are its named dimensions
    input       overrides the input shape without the batch axis: [3, 96, 96]
    max_layers  the most layers that the network may have, as `--max-layers` sets it

    Raises ConvcalcError: status 1 where the spec is wrong, 2 where it cannot be opened.

    >>> load("lenet").inputs
    {'input': (1, 28, 28)}
    """
    return spec(path).network(args, input, max_layers=max_layers)
