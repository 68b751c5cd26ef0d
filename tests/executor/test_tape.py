"""A run that was taken down gives on other inputs what a new run gives."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import convcalc
from convcalc.executor.arrays import Array
from convcalc.executor.fast import convolution
from convcalc.executor.program import Program
from convcalc.executor.run import ready_inputs
from convcalc.executor.store import Scratch
from convcalc.executor.tape import Tape, _Playing
from convcalc.executor.threads import Stage, Team
from convcalc.graph import Network
from convcalc.layers import KINDS
from tests.executor.random_networks import random_network, separable_network
from tests.executor.values import (
    network_of,
    program_of,
    random_inputs,
    random_weights,
    relative_error,
    seeded,
)
from tests.oracle.random_layers import random_layer

#: Relative error of float64 arithmetic in another order.
EXACT = 1e-12


def check(network: Network, seed: str, threads: int, told: str) -> None:
    """Runs a held program on five inputs, and each input in a new program."""
    chance, values = seeded(seed)
    weights = random_weights(network, values)
    program = program_of(network, weights, threads=threads, hold=True)
    for batch in (first := chance.choice([1, 2]), first, first, first, 3 - first):
        inputs = random_inputs(network, batch, values)
        expected = program_of(network, weights, threads=1).run(inputs)
        before = {name: value.copy() for name, value in inputs.items()}
        found = program.run(inputs)
        assert found.keys() == expected.keys(), told
        for index, value in found.items():
            assert value.shape == expected[index].shape, told
            assert relative_error(value, expected[index]) < EXACT, f"{index} in\n{told}"
        for name, value in inputs.items():
            np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind(kind: str, pieces: str) -> None:
    for number in range(6):
        chance, _ = seeded(f"tape {kind} {number} {pieces}")
        layer, shapes = random_layer(chance, kind)
        told = f"{layer!r} on {shapes}"
        check(network_of(layer, shapes), told, chance.choice([1, 2, 3]), told)


@pytest.mark.parametrize("chunk", range(4))
def test_random_networks(chunk: int, pieces: str) -> None:
    for number in range(10):
        chance, _ = seeded(f"tape {chunk} {number} {pieces}")
        network = chance.choice([random_network, separable_network])(chance)
        told = "\n".join(map(repr, network.nodes))
        check(network, f"values {chunk} {number}", chance.choice([1, 2, 3]), told)


@pytest.mark.parametrize(
    "name", ["mobilenet_v2", "resnet18", "shufflenet_v2_x1_0", "squeezenet1_1"]
)
def test_known_networks_in_single_precision(name: str) -> None:
    """Winograd's transforms, strips that meet, residuals, shuffled channels, concatenations."""
    network = convcalc.load(name, input=(3, 96, 96))
    program = Program(network, threads=2, hold=True)
    for seed in range(4):
        inputs = ready_inputs(network, {}, 1, seed, np.dtype(np.float32))
        (expected,) = Program(network, threads=1).run(inputs).values()
        (found,) = program.run(inputs).values()
        assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


def test_results_stay_as_they_are() -> None:
    """The next run uses memory again, but none that somebody still looks at."""
    for number in range(20):
        chance, values = seeded(f"held {number}")
        network = random_network(chance)
        weights = random_weights(network, values)
        program = program_of(network, weights, threads=2, hold=True)
        results = [program.run(random_inputs(network, 1, values)) for _ in range(4)]
        copies = [{i: value.copy() for i, value in one.items()} for one in results]
        for batch in (1, 2, 1):
            program.run(random_inputs(network, batch, values))
        for one, copied in zip(results, copies, strict=True):
            for index, value in one.items():
                np.testing.assert_array_equal(value, copied[index])


def test_who_watches_in_between_sees_everything() -> None:
    network = convcalc.load("lenet")
    program = Program(network, threads=2, hold=True)
    first, second = [ready_inputs(network, {}, 1, seed, np.dtype(np.float32)) for seed in range(2)]
    (expected,) = Program(network, threads=1).run(second).values()
    for _ in range(3):
        program.run(first)
    seen: list[int] = []
    program.run(first, watch=lambda observed: seen.append(observed.node))
    assert seen == list(range(1, len(network.nodes)))
    (found,) = program.run(second).values()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def broken_at(thread: int, error: BaseException) -> Tape:
    """A tape of three stages for two threads; a call of the second stage fails."""
    tape = Tape()
    done: list[int] = []

    def fail() -> None:
        raise error

    for number in range(3):
        stage: Stage = [[(done.append, (number,))] * 100 for _ in range(2)]
        if number == 1:
            stage[thread].insert(0, (fail, ()))
        tape.add(stage)
    return tape


@pytest.mark.parametrize("thread", [0, 1])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("no")])
def test_an_error_of_a_call_stops_all_threads(thread: int, error: BaseException) -> None:
    tape = broken_at(thread, error)
    for _ in range(3):
        with pytest.raises(type(error)):
            tape.play({}, 2)


def test_no_memory_in_a_run_again_is_told_with_the_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    network = convcalc.load("lenet")
    program = Program(network, threads=1, hold=True)
    inputs = ready_inputs(network, {}, 1, 0, np.dtype(np.float32))
    real = convolution.direct

    def direct(*arguments: object) -> Array:
        def fail() -> None:
            if fails:
                raise MemoryError

        result: Array = real(*arguments)  # type: ignore[arg-type]
        team = arguments[-1]
        assert isinstance(team, Team)
        team.run(lambda _, worker: worker.do(fail), [()])
        return result

    monkeypatch.setattr(convolution, "direct", direct)
    fails = False
    for _ in range(3):
        program.run(inputs)
    fails = True
    with pytest.raises(convcalc.ConvcalcError) as raised:
        program.run(inputs)
    assert [problem.text for problem in raised.value.problems] == [
        "conv0: there was not enough memory to run it"
    ]
    fails = False
    assert program.run(inputs)


def test_a_run_that_would_keep_too_much_is_not_taken_down() -> None:
    """Concatenations grow: what each leaves is too small for the next."""
    grow = "  - concat: [[], [{conv: 8, kernel: 1}]]\n"
    network = convcalc.loads(f"input: [8, 32, 32]\nlayers:\n{grow * 12}")
    inputs = ready_inputs(network, {}, 1, 0, np.dtype(np.float32))
    (expected,) = Program(network, threads=1).run(inputs).values()
    free = Program(network, threads=1, hold=True)
    for _ in range(2):
        free.run(inputs)
    for most in (0, free.held // 4, free.held * 3 // 4, free.held - 1, free.held):
        program = Program(network, threads=1, hold=True, most=most)
        for _ in range(5):
            (found,) = program.run(inputs).values()
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
            assert program.held <= max(most, 30_000)
        assert (program.held > 100_000) == (most == free.held)


def test_an_interrupt_before_the_callers_part_stops_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They wait for a part that never begins."""
    part = _Playing.part

    def interrupted(playing: _Playing, thread: int, scratch: Scratch) -> None:
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt
        part(playing, thread, scratch)

    monkeypatch.setattr(_Playing, "part", interrupted)
    tape = Tape()
    for _ in range(3):
        tape.add([[(int, ())], [(int, ())]])
    with pytest.raises(KeyboardInterrupt):
        tape.play({}, 2)


def test_no_more_threads_than_there_are_calls_for() -> None:
    before = threading.active_count()
    seen: list[int] = []
    for width in (1, 3):
        tape = Tape()
        tape.add([[(lambda: seen.append(threading.active_count() - before), ())]])
        tape.add([[(int, ())]] * width)
        tape.play({}, 64)
    assert seen == [0, 2]
