"""Python's garbage collector, in which reading a large network once spent a third of its time."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.runner import run, spec


@pytest.fixture(autouse=True)
def usual_thresholds() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


@pytest.mark.parametrize("command", ["check", "shapes", "field", "memory", "lock"])
def test_it_runs_a_few_times_while_a_command_runs(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = spec(tmp_path, "input: [3]\nlayers:\n" + "  - {dense: 3}\n" * 2_000)
    started = 0

    def count(phase: str, _: object) -> None:
        nonlocal started
        started += phase == "start"

    gc.callbacks.append(count)
    try:
        assert run(command, file).status == 0
    finally:
        gc.callbacks.remove(count)
    assert started < 10
