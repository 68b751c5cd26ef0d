"""A network prepared once, and run often."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import convcalc
from convcalc.executor import run as run_module

SMALL = """
input: [2, 6, 6]
layers:
  - {conv: 3, kernel: 3}
  - relu
  - {maxpool: 2}
"""


def test_every_run_gives_what_execute_gives() -> None:
    network = convcalc.loads(SMALL)
    values = np.random.default_rng(0)
    run = convcalc.Runner(network, seed=3, layers=["conv0"])
    for batch in (1, 1, 1, 1, 2, 2, 2, 1):
        image = values.normal(size=(batch, 2, 6, 6))
        found = run(image)
        expected = convcalc.execute(network, image, seed=3, layers=["conv0"])
        assert found.keys() == expected.keys()
        assert "conv0" in found
        for name, value in found.items():
            np.testing.assert_allclose(value, expected[name], rtol=1e-5, atol=1e-6)


def test_made_inputs_are_those_of_execute() -> None:
    network = convcalc.loads(SMALL)
    run = convcalc.Runner(network, seed=1)
    for _ in range(4):
        (found,) = run(batch=3).values()
        (expected,) = convcalc.execute(network, seed=1, batch=3).values()
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_a_file_of_weights_is_read_once(tmp_path: Path) -> None:
    network = convcalc.loads("input: [1, 2, 2]\nlayers:\n  - {conv: 1, kernel: 2}\n")
    path = tmp_path / "w.npz"
    arrays = {"conv0.weight": np.ones((1, 1, 2, 2), np.float32), "conv0.bias": np.ones(1)}
    np.savez(path, **arrays)  # type: ignore[arg-type]
    run = convcalc.Runner(network, path)
    image = np.ones((1, 1, 2, 2))
    assert next(iter(run(image).values())).item() == 5
    path.unlink()
    assert [next(iter(run(image * n).values())).item() for n in range(4)] == [1, 5, 9, 13]


def test_memory_is_asked_for_once_for_each_larger_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    real = run_module.check_memory

    def check(program: object, batch: int, most: int | None) -> object:
        asked.append(batch)
        return real(program, batch, most)  # type: ignore[arg-type]

    monkeypatch.setattr(run_module, "check_memory", check)
    run = convcalc.Runner(convcalc.loads(SMALL))
    for batch in (1, 1, 3, 2, 3, 4):
        run(batch=batch)
    assert asked == [1, 3, 4]
    with pytest.raises(convcalc.ConvcalcError, match="needs"):
        convcalc.Runner(convcalc.loads(SMALL), max_memory=10)()


def test_it_warns_at_the_line_of_the_caller() -> None:
    run = convcalc.Runner(convcalc.loads(SMALL))
    image = np.full((1, 2, 6, 6), np.nan)
    for _ in range(3):
        with pytest.warns(UserWarning, match="not finite") as caught:
            run(image)
        assert {one.filename for one in caught} == {__file__}
    with pytest.warns(UserWarning, match="not finite") as caught:
        convcalc.execute(convcalc.loads(SMALL), image)
    assert {one.filename for one in caught} == {__file__}


def test_mistakes_are_reported_like_those_of_execute() -> None:
    network = convcalc.loads(SMALL)
    with pytest.raises(convcalc.ConvcalcError, match="no layer or group called 'conv9'"):
        convcalc.Runner(network, layers=["conv9"])
    with pytest.raises(convcalc.ConvcalcError, match="float32 or float64"):
        convcalc.Runner(network, dtype="int8")
    for threads in (0, -1):
        with pytest.raises(convcalc.ConvcalcError, match="at least 1 thread, not"):
            convcalc.Runner(network, threads=threads)
    run = convcalc.Runner(network)
    for batch in (0, -1):
        with pytest.raises(convcalc.ConvcalcError, match=f"at least 1 sample, not {batch}"):
            run(batch=batch)
    with pytest.raises(convcalc.ConvcalcError, match="has the shape"):
        run(np.ones((1, 2, 6, 7)))
    # It goes on as if nothing had been.
    assert [value.shape for value in run().values()] == [(1, 3, 2, 2)]


def test_results_share_no_memory() -> None:
    """Neither with each other nor with the user's arrays: a view of a view, a value named twice."""
    network = convcalc.loads(
        """
input: [2, 4, 1]
layers:
  - {dropout: 0.5, name: same}
  - {conv: 2, kernel: 1, name: made}
  - {dropout: 0.5, name: view}
  - {slice: {channels: [0, 1]}, name: part}
  - relu
outputs: [same, made, view, part, relu0]
"""
    )
    image = np.ones((1, 2, 4, 1), np.float32)
    before = image.copy()
    run = convcalc.Runner(network, layers=["made", "same"])
    for results in [*[run(image) for _ in range(4)], convcalc.execute(network, image)]:
        arrays = [image, *results.values()]
        for number, array in enumerate(arrays):
            assert not any(np.may_share_memory(array, other) for other in arrays[:number])
        for value in results.values():
            value[...] = 7
        np.testing.assert_array_equal(image, before)


def test_an_output_and_the_operations_of_its_layer() -> None:
    network = convcalc.loads(
        "input: [2, 4, 4]\nlayers:\n  - {conv: 2, kernel: 1, norm: batch, activation: relu}\n"
    )
    results = convcalc.execute(network, layers=["conv0"])
    assert list(results) == ["conv0", "conv0.conv", "conv0.batchnorm", "conv0.relu"]
    np.testing.assert_array_equal(results["conv0"], results["conv0.relu"])
    np.testing.assert_array_equal(results["conv0"], np.maximum(results["conv0.batchnorm"], 0))
    assert results["conv0.conv"].min() < 0


def test_threads_that_run_it_at_the_same_time() -> None:
    network = convcalc.load("lenet")
    run = convcalc.Runner(network, threads=2)
    images = np.random.default_rng(0).normal(size=(5, 2, *network.inputs["input"]))
    expected = [convcalc.execute(network, image)["dense2"] for image in images]

    def differences(first: int) -> list[float]:
        return [
            float(np.abs(run(images[number % 5])["dense2"] - expected[number % 5]).max())
            for number in range(first, first + 40)
        ]

    with ThreadPoolExecutor(3) as pool:
        found = [one for part in pool.map(differences, range(3)) for one in part]
    assert max(found) < 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_copy_runs_in_memory_of_its_own(copied: Callable[[convcalc.Runner], object]) -> None:
    network = convcalc.load("lenet")
    run = convcalc.Runner(network)
    for _ in range(3):
        run()
    other = copied(run)
    if isinstance(other, bytes):
        other = pickle.loads(other)  # noqa: S301 - it was made here
    assert isinstance(other, convcalc.Runner)
    for seed in range(4):
        image = np.random.default_rng(seed).normal(size=(1, *network.inputs["input"]))
        expected = convcalc.execute(network, image)["dense2"]
        for one in (run, other):
            np.testing.assert_allclose(one(image)["dense2"], expected, rtol=1e-4, atol=1e-6)
