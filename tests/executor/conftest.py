"""What the tests of the executor share."""

from __future__ import annotations

import pytest

from convcalc.executor.fast import convolution, elementwise, pooling


@pytest.fixture(params=["default blocks", "small blocks"])
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs a test with blocks as they are, and with so small ones that every layer has many."""
    if request.param == "small blocks":
        for module in (convolution, pooling):
            monkeypatch.setattr(module, "BLOCK_BYTES", 300)
        monkeypatch.setattr(convolution, "LEAST_POSITIONS", 2)
        monkeypatch.setattr(convolution, "SMALL_MAP", 5)
        monkeypatch.setattr(convolution, "LOOP", 5)
        monkeypatch.setattr(elementwise, "BLOCK", 7)
    return str(request.param)
