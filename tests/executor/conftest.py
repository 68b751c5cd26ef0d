"""What the tests of the executor share."""

from __future__ import annotations

import pytest

from convcalc.executor import threads
from convcalc.executor.fast import convolution, dense, elementwise, pooling, separable


@pytest.fixture(params=["whole", "small pieces"])
def pieces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs a test with pieces as they are, and with pieces so small that every layer has many."""
    if request.param == "small pieces":
        for module in (convolution, pooling):
            monkeypatch.setattr(module, "COLUMNS", 300)
        monkeypatch.setattr(convolution, "STRIP", 75)
        monkeypatch.setattr(convolution, "LEAST_POSITIONS", 2)
        monkeypatch.setattr(convolution, "LOOP", 5)
        monkeypatch.setattr(convolution, "SMALL_MAP", 5)
        monkeypatch.setattr(separable, "STRIP", 300)
        monkeypatch.setattr(dense, "FEW_MACS", 0)
        for least in ("WAKE", "AWAKE"):
            monkeypatch.setattr(threads, least, (0, 0))
        monkeypatch.setattr(pooling, "FEW_VALUES", 0)
        monkeypatch.setattr(elementwise, "PIECE", 7)
    return str(request.param)
