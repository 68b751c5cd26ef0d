"""What torchvision publishes about its networks, and what PyTorch ran: the facts in tests/data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

_DATA = Path(__file__).resolve().parent.parent / "data"


class Published(NamedTuple):
    """What torchvision publishes about a network."""

    input: tuple[int, ...]
    params: int
    gmacs: float


class Row(NamedTuple):
    """A layer with parameters: its type, output shape (channels first), parameters and MACs."""

    type: str
    output: tuple[int, ...]
    params: int
    macs: int


def _published() -> dict[str, Published]:
    text = (_DATA / "torchvision_published.json").read_text(encoding="utf-8")
    return {
        name: Published(tuple(fact["input"]), fact["published_params"], fact["published_gmacs"])
        for name, fact in json.loads(text).items()
    }


def _tables() -> dict[str, list[Row]]:
    tables: dict[str, list[Row]] = {}
    for line in (_DATA / "torchvision_layers.jsonl").read_text(encoding="utf-8").splitlines():
        table = json.loads(line)
        tables[table["network"]] = [
            Row(kind, _channels_first(kind, output), params, macs)
            for kind, output, params, macs in table["layers"]
        ]
    return tables


def _channels_first(kind: str, output: list[int]) -> tuple[int, ...]:
    """The shape with the channels first; these two kinds run on maps that have them last."""
    if kind in {"Linear", "LayerNorm"} and len(output) == 3:
        return (output[-1], *output[:-1])
    return tuple(output)


#: By the network's name.
PUBLISHED = _published()
#: The layers with parameters, in order, of some of them.
TABLES = _tables()
#: Parameters in the published number that belong to no layer of the network at inference.
TRAINING_ONLY = {"inception_v3": 3326696}
