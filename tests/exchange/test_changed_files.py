"""Changed files of every format: each ends in a network or in an error, and soon."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random

import numpy as np
import pytest

import convcalc
from convcalc.exchange import darknet, keras, onnx, tflite, ultralytics
from convcalc.exchange.files import read_bytes
from convcalc.exchange.model import Choices, Source, Tensor
from convcalc.executor.files import open_arrays
from convcalc.problems import UNUSABLE, ConvcalcError
from tests.quick import each_seed
from tests.security.fuzz import limited
from tests.security.hostile import tree_changed
from tests.security.hostile_arrays import arrays_changed
from tests.security.hostile_models import bases, bytes_changed, drawn, model_changed

_READERS = {
    ".onnx": onnx.read,
    ".tflite": tflite.read,
    ".cfg": darknet.read,
    ".json": keras.read,
    ".keras": keras.read,
    ".yaml": ultralytics.read,
}
#: Sizes that the files of the packages leave open.
_DIMS = {f"x.{axis}": 32 for axis in range(4)} | {"sequence": 576, "height": 32, "width": 32}


def stored(sources: Iterable[Source | None]) -> Iterator[Tensor]:
    """The tensors of a file, also those of which parameters are computed."""
    for source in sources:
        if isinstance(source, Tensor):
            yield source
        elif source is not None:
            yield from stored(source.inputs)


@pytest.mark.no_cover
@each_seed(300, 9_500)
def test_a_changed_model_is_read_or_refused(seed: int) -> None:
    random = Random(seed)
    suffix = drawn(random)
    data = model_changed(suffix, random.choice(bases(suffix)), random)
    with limited():
        try:
            model = _READERS[suffix](read_bytes(f"changed{suffix}", data), Choices(dims=_DIMS))
        except ConvcalcError as error:
            _check(error)
            return
        assert model.network.outputs
        report = convcalc.analyze(model.network)
        assert len(report.unknown) <= len(model.network.nodes)
        for tensor in stored(model.tensors.values()):
            assert 0 <= tensor.offset <= tensor.offset + tensor.length <= len(tensor.file.data)


@pytest.mark.no_cover
@each_seed(50, 500)
def test_changed_weights_are_read_or_refused(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    arrays = {name: np.ones((2, size), np.float32) for name, size in (("a.weight", 3), ("b", 1))}
    path = tmp_path / random.choice(("changed.npz", "changed.safetensors"))
    changed = arrays_changed(arrays, random)
    path.write_bytes(changed if path.suffix == ".npz" else _tensors_changed(arrays, random))
    with limited():
        try:
            found = open_arrays(path)
            for name in found.headers:
                found.read(name)
        except ConvcalcError as error:
            _check(error)


def _check(error: ConvcalcError) -> None:
    assert "changed." in str(error)
    assert error.status in (1, UNUSABLE)


def _tensors_changed(arrays: dict[str, np.ndarray], random: Random) -> bytes:
    """A file of safetensors with changes in its header or its bytes."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    content = b""
    for name, values in arrays.items():
        offsets = [len(content), len(content) + values.nbytes]
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": offsets}
        content += values.tobytes()
    for _ in range(random.randrange(3)):
        header = tree_changed(header, random)
    text = json.dumps(header).encode()
    data = len(text).to_bytes(8, "little") + text + content
    return bytes_changed(data, random) if random.random() < 0.5 else data
