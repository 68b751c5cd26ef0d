"""Bytes that may be no model: a reader returns one, or says what is wrong."""

from __future__ import annotations

from collections.abc import Callable

from convcalc.exchange.files import ModelFile, read_bytes
from convcalc.exchange.model import Choices, Model
from convcalc.problems import UNUSABLE, ConvcalcError

Reader = Callable[[ModelFile, Choices], Model]


def read_or_refuse(read: Reader, name: str, data: bytes) -> Model | None:
    """The model that the reader makes of a file; None where it refuses it, as it should."""
    try:
        model = read(read_bytes(name, data), Choices(max_layers=200))
    except ConvcalcError as error:
        refused = error
    else:
        assert model.network.outputs
        return model
    assert refused.status == UNUSABLE
    assert name in str(refused)
    return None
