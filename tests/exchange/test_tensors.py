"""Numbers of parameters, read from where they lie."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convcalc.exchange.files import ModelFile
from convcalc.exchange.model import Tensor
from convcalc.exchange.tensors import TensorArrays
from convcalc.problems import ConvcalcError

NUMBERS = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
FILE = ModelFile("net.onnx", b"head" + NUMBERS.tobytes())


def arrays(**changes: Any) -> TensorArrays:
    tensor = Tensor(FILE, 4, NUMBERS.nbytes, "float32", NUMBERS.shape)
    return TensorArrays({"fc.weight": tensor._replace(**changes)})


def test_steps_are_applied_in_order() -> None:
    found = arrays(steps=(("transpose", (2, 0, 1)), ("reshape", (4, 6)), ("slice", (1, 2, 5))))
    expected = NUMBERS.transpose(2, 0, 1).reshape(4, 6)[:, 2:5]
    np.testing.assert_array_equal(found.read("fc.weight"), expected)
    assert found.headers["fc.weight"].shape == expected.shape
    assert found.complete


def test_the_arrays_may_be_changed() -> None:
    found = arrays()
    found.read("fc.weight")[:] = 0
    np.testing.assert_array_equal(found.read("fc.weight"), NUMBERS)


def test_numbers_that_are_not_there() -> None:
    found = arrays(offset=8)
    assert not found.complete
    assert not arrays(length=0).complete
    with pytest.raises(ConvcalcError, match=r"the numbers of fc\.weight are not in the file"):
        found.read("fc.weight")


def test_a_type_that_is_none_of_numbers() -> None:
    with pytest.raises(ConvcalcError, match="holds numbers of type float8e4m3fn"):
        arrays(dtype="float8e4m3fn").read("fc.weight")
