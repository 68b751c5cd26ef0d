"""Files of safetensors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcalc.exchange.files import ModelFile
from convcalc.exchange.safetensors import read_tensors
from convcalc.exchange.tensors import TensorArrays
from convcalc.executor.files import open_arrays
from convcalc.problems import ConvcalcError


def written(header: object, content: bytes = b"", length: int | None = None) -> ModelFile:
    """A file with this header and content."""
    text = json.dumps(header).encode() if not isinstance(header, bytes) else header
    size = len(text) if length is None else length
    return ModelFile("w.safetensors", size.to_bytes(8, "little") + text + content)


def entry(dtype: str, shape: list[int], begin: int, end: int) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def test_arrays_are_read_in_their_types() -> None:
    weight = np.arange(6, dtype=np.float32).reshape(2, 3)
    half = np.array([1.5, -2], np.float16)
    brain = np.array([0x3FC0, 0xC000], np.uint16)  # 1.5 and -2 in bfloat16
    content = weight.tobytes() + half.tobytes() + brain.tobytes()
    file = written(
        {
            "__metadata__": {"format": "pt"},
            "fc.weight": entry("F32", [2, 3], 0, 24),
            "fc.bias": entry("F16", [2], 24, 28),
            "norm.bias": entry("BF16", [2], 28, 32),
        },
        content,
    )
    arrays = TensorArrays(read_tensors(file))
    assert list(arrays.headers) == ["fc.weight", "fc.bias", "norm.bias"]
    np.testing.assert_array_equal(arrays.read("fc.weight"), weight)
    np.testing.assert_array_equal(arrays.read("fc.bias"), half)
    np.testing.assert_array_equal(arrays.read("norm.bias"), [1.5, -2])
    assert arrays.headers["norm.bias"].dtype == np.float32


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (ModelFile("w.safetensors", b"1234"), "shorter than the length of its header"),
        (written({}, length=2**62), "does not fit into it"),
        (written(b"{"), "its header is not JSON"),
        (written(b"[" * 100_000), "its header is not JSON"),
        (written([1]), "its header is not a mapping"),
        (written({"a": 1}), "a has no type, shape and place"),
        (written({"a": entry("F32", [-1], 0, 4)}, b"1234"), "a has no type, shape and place"),
        (written({"a": entry("F32", [True], 0, 4)}, b"1234"), "a has no type, shape and place"),
        (
            written({"a": {**entry("F32", [1], 0, 4), "dtype": ["F32"]}}, b"1234"),
            "a has no type, shape and place",
        ),
        (written({"a": entry("F32", [1], 0, 4)}), "a lies beyond its end"),
        (written({"a": entry("F32", [2], 0, 4)}, b"1234"), "more or fewer bytes than its shape"),
        (written({"a": entry("F32", [2**31, 2**31], 0, 4)}, b"1234"), "more or fewer bytes"),
    ],
)
def test_a_damaged_file_is_refused(file: ModelFile, reason: str) -> None:
    with pytest.raises(ConvcalcError) as caught:
        read_tensors(file)
    assert caught.value.status == 2
    assert reason in str(caught.value)
    assert "w.safetensors is no safetensors file" in str(caught.value)


@given(st.binary(max_size=200), st.integers(0, 90))
def test_any_bytes_are_read_or_refused(noise: bytes, at: int) -> None:
    whole = written({"a": entry("F32", [1], 0, 4)}, b"1234").data
    try:
        read_tensors(ModelFile("w.safetensors", bytes(whole[:at]) + noise))
    except ConvcalcError as error:
        assert error.status == 2  # noqa: PT017


def test_a_type_without_numbers_is_left_out() -> None:
    assert read_tensors(written({"mask": entry("BOOL", [1], 0, 1)}, b"1")) == {}


def test_a_file_of_weights_may_be_one(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(bytes(written({"a": entry("I8", [2], 0, 2)}, b"\x01\xff").data))
    np.testing.assert_array_equal(open_arrays(path).read("a"), [1, -1])
