"""Weights made from a seed: the same everywhere, of a size that lasts; and those of the user's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import convcalc
from convcalc.executor.arrays import Array
from convcalc.executor.files import write_npz
from convcalc.executor.program import Program
from convcalc.executor.run import execute, ready_inputs
from convcalc.executor.thread_pool import ThreadPool
from convcalc.executor.weights import (
    CHUNK,
    KEY_SPAN,
    RandomWeights,
    array_shapes,
    seeded_weights,
    uniform,
)
from convcalc.executor.workspace import Workspace
from convcalc.facts import worded

SINGLE = np.dtype(np.float32)
#: The weights of the test below, exactly.
GOLDEN = [
    "-0x1.bb3a140000000p-1",
    "-0x1.bad26c0000000p-1",
    "-0x1.68b2ee0000000p-1",
    "0x1.b77faa0000000p-1",
    "0x1.4d8bf80000000p-1",
    "-0x1.2946d80000000p-7",
    "0x1.ae1ba80000000p-3",
    "0x1.f336480000000p-4",
]


def arrays_of(text: str, seed: int = 0) -> dict[str, Array]:
    return dict(seeded_weights(convcalc.loads(text), seed))


class TestTheSameEverywhere:
    def test_numbers_are_those_of_every_release(self) -> None:
        """A change of these changes every saved result."""
        weight = arrays_of("{input: [1, 5, 5], layers: [{conv: 2, kernel: 2}]}")["conv0.weight"]
        assert weight.shape == (2, 1, 2, 2)
        assert [float(value).hex() for value in weight.reshape(-1)] == GOLDEN

    def test_dtype_changes_only_the_dtype(self) -> None:
        network = convcalc.load("lenet")
        single, double = [dict(seeded_weights(network, 3, t)) for t in ("float32", "float64")]
        for name, value in single.items():
            assert double[name].dtype == np.float64
            np.testing.assert_array_equal(double[name], value)

    def test_threads_change_nothing(self) -> None:
        network = convcalc.loads("{input: [64, 8, 8], layers: [{conv: 600, kernel: 3}]}")
        weights = RandomWeights(5)
        found = []
        for threads in (1, 2, 5):
            with ThreadPool([Workspace() for _ in range(threads)]) as pool:
                found.append(weights.get(network, 1, SINGLE, pool)["weight"])
        assert found[0].size > CHUNK
        np.testing.assert_array_equal(found[0], found[1])
        np.testing.assert_array_equal(found[0], found[2])

    def test_other_layers_change_nothing(self) -> None:
        small = arrays_of("{input: [4, 8, 8], layers: [{conv: 4, kernel: 3, name: a}]}")
        large = arrays_of(
            """
            input: [4, 8, 8]
            layers:
              - {conv: 4, kernel: 1, name: before}
              - {conv: 4, kernel: 3, name: a}
              - {conv: 9, kernel: 2, name: after}
            """
        )
        np.testing.assert_array_equal(small["a.weight"], large["a.weight"])

    def test_seed_layer_and_array_change_everything(self) -> None:
        text = "{input: [4, 8, 8], layers: [{conv: 4, kernel: 3, repeat: 2}]}"
        first, second = arrays_of(text), arrays_of(text, seed=1)
        values = [*first.values(), *second.values()]
        assert len({value.tobytes() for value in values}) == len(values)

    def test_rows_are_those_of_the_whole(self) -> None:
        network = convcalc.loads("{input: [1000], layers: [{dense: 900}]}")
        weights = RandomWeights(2)
        with ThreadPool([Workspace()]) as pool:
            whole = weights.get(network, 1, SINGLE, pool)["weight"]
        step = CHUNK // 1000
        for start in range(0, 900, step):
            stop = min(start + step, 900)
            rows = weights.rows(network, 1, SINGLE, start, stop, Workspace())
            np.testing.assert_array_equal(rows, whole[start:stop])

    def test_streaming_changes_no_result(self) -> None:
        network = convcalc.loads("{input: [3000], layers: [{dense: 600}]}")
        inputs = ready_inputs(network, {}, 2, 0, SINGLE)
        (streamed,) = Program(network).run(inputs).values()
        (held,) = Program(network, cache_weights=True).run(inputs).values()
        np.testing.assert_allclose(streamed, held, rtol=1e-5, atol=1e-6)


class TestSpread:
    def test_uniform_within_its_limit(self) -> None:
        values = np.empty(3 * KEY_SPAN + 17, np.float32)
        uniform(values, b"key", 0.5, Workspace())
        assert -0.5 <= values.min() < -0.4999
        assert 0.4999 < values.max() <= 0.5
        assert abs(values.mean()) < 0.003
        assert values.var() == pytest.approx(1 / 12, rel=0.01)

    def test_no_two_spans_are_alike(self) -> None:
        values = np.empty(4 * KEY_SPAN, np.float32)
        uniform(values, b"key", 1.0, Workspace())
        parts = values.reshape(4, -1)
        assert np.abs(np.corrcoef(parts) - np.eye(4)).max() < 0.02
        assert len(np.unique(np.sort(parts, axis=1), axis=0)) == 4

    def test_neighbours_are_unrelated(self) -> None:
        values = np.empty(KEY_SPAN, np.float32)
        uniform(values, b"key", 1.0, Workspace())
        for lag in (1, 2, 3, 64, 512):
            assert abs(np.corrcoef(values[:-lag], values[lag:])[0, 1]) < 0.02

    def test_products_get_the_variance_of_their_fan_in(self) -> None:
        arrays = arrays_of(
            """
            input: [32, 8, 8]
            layers:
              - {conv: 64, kernel: 3, name: followed, activation: relu}
              - {conv: 64, kernel: 3, name: normed, norm: batch, activation: relu}
              - {conv: 64, kernel: 3, name: bare}
              - {conv_transpose: 64, kernel: 4, stride: 2, name: up}
            """
        )
        for name, variance in {
            "followed": 2 / (9 * 32),
            "normed": 2 / (9 * 64),
            "bare": 1 / (9 * 64),
            # Each output of a transposed convolution at stride 2 sees a quarter of the taps.
            "up": 1 / (16 / 4 * 64),
        }.items():
            assert arrays[f"{name}.weight"].var() == pytest.approx(variance, rel=0.05)

    def test_scale_begins_as_it_is_declared(self) -> None:
        arrays = arrays_of("{input: [4, 2, 2], layers: [{scale: 0.25}]}")
        assert (arrays["scale0.weight"] == 0.25).all()


#: Networks of 200 layers, with every habit that makes values grow or shrink.
DEEP = {
    "relu": """{conv: 8, kernel: 3, padding: 1, bias: false, activation: relu, repeat: 200}""",
    "linear": """{conv: 8, kernel: 3, padding: 1, repeat: 200}""",
    "normed": """{conv: 8, kernel: 3, padding: 1, norm: batch, activation: relu, repeat: 200}""",
    "sigmoid": """{conv: 8, kernel: 3, padding: 1, activation: sigmoid, repeat: 200}""",
    "silu": """{conv: 8, kernel: 3, padding: 1, activation: silu, repeat: 200}""",
    "residual": """
      add: [[], [{conv: 8, kernel: 3, padding: 1, activation: relu}, {conv: 8, kernel: 1}]]
      activation: relu
      repeat: 100""",
    "linear residual": """
      add: [[], [{conv: 8, kernel: 3, padding: 1}]]
      repeat: 100""",
    "depthwise": """
      sequential: [{depthwise: 3, padding: 1, activation: relu6}, {conv: 8, kernel: 1}]
      repeat: 100""",
    "dense": """{dense: 64, activation: relu, repeat: 200}""",
    "transposed": """{conv_transpose: 8, kernel: 3, padding: 1, activation: relu, repeat: 200}""",
}


@pytest.mark.parametrize("habit", DEEP)
def test_values_stay_finite_and_non_trivial(habit: str) -> None:
    network = convcalc.loads(f"input: [8, 7, 7]\nlayers:\n  - {DEEP[habit]}\n")
    for seed in range(3):
        (value,) = execute(network, seed=seed, batch=2).values()
        assert np.isfinite(value).all()
        # Padding costs a small map some of its variance in each layer.
        assert 1e-20 < np.abs(value).max() < 1e35
        assert value.std() > 1e-3 * np.abs(value).max()


NETWORK = """
input: [2, 6, 6]
layers:
  - {conv: 4, kernel: 3, groups: 2, norm: batch, activation: {prelu: , per_channel: true}}
  - {conv: 4, kernel: 2, padding: same, flip: true, name: b}
  - {conv: 4, kernel: 2, padding: same, flip: true, share: b}
  - {dense: 3}
"""


@pytest.fixture
def made(tmp_path: Path) -> Path:
    path = tmp_path / "w.npz"
    write_npz(path, seeded_weights(convcalc.loads(NETWORK), seed=4))
    return path


class TestFiles:
    def test_a_run_with_the_file_is_the_run_with_the_seed(self, made: Path) -> None:
        network = convcalc.loads(NETWORK)
        (expected,) = execute(network, seed=4).values()
        for weights in (made, str(made), dict(np.load(made))):
            (found,) = execute(network, weights=weights, seed=4).values()
            np.testing.assert_array_equal(found, expected)

    def test_names_and_shapes_are_those_that_are_documented(self, made: Path) -> None:
        shapes = {name: value.shape for name, value in np.load(made).items()}
        assert shapes["conv0.weight"] == (4, 1, 3, 3)
        assert shapes["conv0.bias"] == (4,)
        assert shapes["conv0.batchnorm.running_var"] == (4,)
        assert shapes["conv0.prelu.weight"] == (4,)
        assert shapes["dense0.weight"] == (3, 64)
        # A shared layer has none of its own.
        assert len([name for name in shapes if name.endswith("weight")]) == 5

    def test_the_same_seed_gives_the_same_bytes(self, made: Path, tmp_path: Path) -> None:
        again = tmp_path / "again.npz"
        write_npz(again, seeded_weights(convcalc.loads(NETWORK), seed=4))
        assert again.read_bytes() == made.read_bytes()

    def test_the_callers_arrays_stay_as_they_are(self, made: Path) -> None:
        arrays = dict(np.load(made))
        # In the memory order that kernels like, where a careless fold would write into them.
        weight = arrays["conv0.weight"]
        arrays["conv0.weight"] = np.ascontiguousarray(weight.transpose(2, 3, 1, 0)).transpose(
            3, 2, 0, 1
        )
        before = {name: value.copy() for name, value in arrays.items()}
        execute(convcalc.loads(NETWORK), weights=arrays)
        for name, value in arrays.items():
            np.testing.assert_array_equal(value, before[name])

    def test_every_mistake_is_named(self, made: Path) -> None:
        arrays = dict(np.load(made))
        del arrays["b.bias"]
        arrays["dense0.weight"] = arrays["dense0.weight"].T
        arrays["dense0.bais"] = arrays.pop("dense0.bias")
        arrays["conv0.weight"] = arrays["conv0.weight"].astype(complex)
        with pytest.raises(convcalc.ConvcalcError) as caught:
            execute(convcalc.loads(NETWORK, name="n.yaml"), weights=arrays)
        (problem,) = caught.value.problems
        told = "\n".join([problem.text, *[text for _, text in worded(problem.facts)]])
        assert caught.value.status == 2
        assert "there is no b.bias, of shape (4,)" in told
        assert "dense0.weight has the shape (64, 3), not (3, 64)" in told
        assert "conv0.weight holds complex numbers" in told
        assert "dense0.bais belongs to no layer" in told
        assert "did you mean 'dense0.bias'" in told

    def test_not_finite_is_a_warning(self, made: Path) -> None:
        arrays = dict(np.load(made))
        arrays["dense0.bias"][0] = np.nan
        with pytest.warns(UserWarning, match="not finite") as caught:
            execute(convcalc.loads(NETWORK), weights=arrays)
        told = [str(warning.message) for warning in caught]
        assert told == [
            "result dense0 holds values that are not finite",
            "weights dense0.bias hold values that are not finite",
        ]

    def test_weights_may_be_whole_numbers(self) -> None:
        network = convcalc.loads("{input: [1, 2, 2], layers: [{conv: 1, kernel: 2}]}")
        weights = {"conv0.weight": np.ones((1, 1, 2, 2), int), "conv0.bias": np.array([7])}
        (value,) = execute(network, np.ones((1, 1, 2, 2), np.uint8), weights).values()
        assert value.dtype == np.float32
        assert value.item() == 11


def test_prepared_weights_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    network = convcalc.load("lenet")
    weights = RandomWeights(0)
    asked: list[int] = []
    get = weights.get

    def counted(network: convcalc.Network, index: int, *args: object) -> dict[str, Array]:
        asked.append(index)
        return get(network, index, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(weights, "get", counted)
    program = Program(network, weights=weights, cache_weights=True)
    inputs = ready_inputs(network, {}, 1, 0, SINGLE)
    (first,) = program.run(inputs).values()
    (second,) = program.run(inputs).values()
    assert len(asked) == len(set(asked))
    np.testing.assert_array_equal(first, second)


def test_a_network_has_arrays_for_all_its_numbers() -> None:
    network = convcalc.load("resnet50")
    totals = convcalc.analyze(network).totals
    sizes = [
        int(np.prod(shape))
        for index in range(len(network.nodes))
        for shape in array_shapes(network, index).values()
    ]
    assert sum(sizes) == totals.params + totals.buffers
