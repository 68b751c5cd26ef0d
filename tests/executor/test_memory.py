"""What a run keeps, what it says it needs, and when it refuses."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convcalc
from convcalc.executor import run as run_module
from convcalc.executor import weights as executor_weights
from convcalc.executor.memory import available
from convcalc.executor.program import Observed, Program
from convcalc.executor.run import check_memory, execute, ready_inputs
from convcalc.facts import worded
from convcalc.problems import ConvcalcError
from tests.cli.runner import run

CHAIN = """
input: [8, 64, 64]
layers:
  - {conv: 8, kernel: 3, padding: 1, activation: relu, repeat: 12}
"""


def started(text: str, **options: Any) -> tuple[Program, dict[str, Any]]:
    network = convcalc.loads(text)
    program = Program(network, **options)
    return program, ready_inputs(network, {}, 1, 0, program.dtype)


def test_values_are_forgotten_when_nobody_needs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    program, inputs = started(CHAIN)
    alive: list[weakref.ref[Any]] = []
    most = 0
    compute = program._compute

    def watched(*args: Any) -> Any:
        nonlocal most
        value = compute(*args)
        base = value
        while base.base is not None:
            base = base.base
        alive.append(weakref.ref(base))
        most = max(most, sum(ref() is not None for ref in alive))
        del base
        return value

    monkeypatch.setattr(program, "_compute", watched)
    program.run(inputs)
    # A layer's input and its output.
    assert most == 2
    assert len(alive) == 12


def test_weights_are_forgotten_when_they_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    program, inputs = started(CHAIN)
    alive: list[weakref.ref[Any]] = []
    prepare = program._prepare

    def watched(*args: Any) -> Any:
        assert not [ref for ref in alive if ref() is not None]
        ready = prepare(*args)
        alive.append(weakref.ref(ready.bias))
        return ready

    monkeypatch.setattr(program, "_prepare", watched)
    program.run(inputs)
    assert len(alive) == 12


def test_activations_behind_a_join_take_its_memory() -> None:
    text = """
    input: [4, 8, 8]
    layers:
      - {conv: 4, kernel: 1, name: a}
      - add: [[{tanh: }], [{sigmoid: }]]
        activation: gelu
    """
    program, _ = started(text)
    (step,) = [s for s in program.plan if program.network.nodes[s.first].kind == "gelu"]
    assert step.in_place


def test_prediction_counts_what_is_alive() -> None:
    program, _ = started(CHAIN, threads=1)
    value = 8 * 64 * 64 * 4
    # A layer's input and output, and the network's input, which the caller keeps.
    first, *others = [use.values for use in program.memory_use(1)]
    assert (first, set(others)) == (2 * value, {3 * value})
    assert [use.values for use in program.memory_use(4)] == [8 * value, *[12 * value] * 11]
    double = Program(program.network, dtype="float64", threads=1)
    assert [use.values for use in double.memory_use(1)] == [4 * value, *[6 * value] * 11]


def test_kept_values_count_too() -> None:
    program, _ = started(CHAIN, keep=range(1, 25))
    value = 8 * 64 * 64 * 4
    assert max(use.values for use in program.memory_use(1)) == 25 * value


ATTENTIONS = [
    f"{{input: [96, 56, 56], layers: [{{attention: {{query: [], key: [], value: []}}, {more}}}]}}"
    for more in (
        "heads: 3, window: 7, shift: 3, position_bias: relative",
        "heads: 3, window: 28, similarity: cosine, position_bias: continuous",
    )
]


def test_prediction_covers_what_numpy_allocates() -> None:
    """What NumPy says of its allocations, not the process's size: that one other things touch."""
    import tracemalloc

    names = ("lenet", "resnet50", "mobilenet_v2")
    sizes = {"lenet": None}
    networks = [convcalc.load(name, input=sizes.get(name, [3, 128, 128])) for name in names]
    for network in [*networks, *map(convcalc.loads, ATTENTIONS)]:
        program = Program(network, threads=1)
        inputs = ready_inputs(network, {}, 1, 0, program.dtype)
        predicted = max(use.total for use in program.memory_use(1))
        tracemalloc.start()
        program.run(inputs)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak <= predicted * 1.25 + 2**21, network.nodes


@pytest.mark.parametrize(
    ("command", "layer"), [("weights", "dense"), ("weights", "conv"), ("verify", "conv")]
)
def test_a_weight_that_is_too_large_is_named(
    command: str, layer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor_weights, "available", lambda: 2**30)
    monkeypatch.setattr(executor_weights, "_LARGE", 0)
    text = "input: [1000, 1, 1]\nlayers:\n  - {dense: 2000000}\n"
    if layer == "conv":
        text = "input: [1000, 1, 1]\nlayers:\n  - {conv: 2000000, kernel: 1}\n"
    path = tmp_path / "large.yaml"
    path.write_text(text, encoding="utf-8")
    if command == "weights":
        result = run("weights", str(path), "--output", str(tmp_path / "large.npz"))
        assert not (tmp_path / "large.npz").exists()
    else:
        result = run("verify", str(path), "--max-memory", "1GiB")
    assert result.status == 2
    assert "large.yaml:3:" in result.err
    assert f"error[no-memory]: {layer}0: " in result.err
    assert "7.45 GiB of memory" in result.err or command == "verify"


def test_an_array_that_cannot_be_allocated_is_named() -> None:
    text = "input: [2000000000, 1, 1]\nlayers: [{conv: 2000000000, kernel: 1}]\n"
    with pytest.raises(convcalc.ConvcalcError) as caught:
        list(executor_weights.seeded_weights(convcalc.loads(text)))
    (problem,) = caught.value.problems
    assert (problem.code, problem.subject.layer) == ("no-memory", "conv0")


def test_a_network_without_operations_needs_its_inputs() -> None:
    network = convcalc.loads("{input: [1000000], layers: [{sequential: []}]}")
    assert convcalc.execute(network, batch=2)["sequential0"].shape == (2, 1_000_000)
    with pytest.raises(convcalc.ConvcalcError) as caught:
        convcalc.execute(network, batch=2, max_memory=7_900_000)
    (problem,) = caught.value.problems
    assert (problem.code, problem.subject.layer) == ("no-memory", "input")


def test_too_much_is_refused_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Program, "run", lambda *_, **__: pytest.fail("it ran"))
    network = convcalc.loads(CHAIN, name="chain.yaml")
    with pytest.raises(convcalc.ConvcalcError) as caught:
        convcalc.execute(network, batch=1000, max_memory=64 * 2**20)
    (problem,) = caught.value.problems
    assert problem.code == "no-memory"
    assert "batch 1000 needs" in problem.message
    assert "64.00 MiB are allowed" in problem.message
    assert problem.span is not None
    assert problem.span.line == 4
    (text,) = [text for label, text in worded(problem.facts) if label == "help"]
    batch = int(text.split()[1].rstrip("'"))
    program = Program(network)
    check_memory(program, batch, 64 * 2**20)
    with pytest.raises(convcalc.ConvcalcError):
        check_memory(program, batch + 1, 64 * 2**20)


def test_a_single_sample_that_is_too_large_gets_a_smaller_input() -> None:
    network = convcalc.load("vgg16", input=[3, 4000, 4000])
    with pytest.raises(convcalc.ConvcalcError) as caught:
        check_memory(Program(network), 1, 2**30)
    (text,) = [text for label, text in worded(caught.value.problems[0].facts) if label == "help"]
    shape = [int(size) for size in text.split("--input ")[1].rstrip("'").split("x")]
    check_memory(Program(convcalc.load("vgg16", input=shape)), 1, 2**30)


def test_what_the_machine_has_free_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "available", lambda: 1000)
    with pytest.raises(convcalc.ConvcalcError, match="1000 B are free"):
        convcalc.execute(convcalc.load("lenet"))


def test_an_unknown_limit_refuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "available", lambda: None)
    assert convcalc.execute(convcalc.load("lenet"))


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A file tree like that of Linux, with 8 GiB free."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text("MemTotal: 9 kB\nMemAvailable: 8388608 kB\n")
    return tmp_path


def group(folder: Path, files: dict[str, object]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        (folder / name).write_text(f"{value}\n")


class TestAvailable:
    def test_machine(self, machine: Path) -> None:
        assert available(machine) == 2**33

    def test_container_version_2(self, machine: Path) -> None:
        (machine / "proc/self/cgroup").write_text("0::/a/b\n")
        root = machine / "sys/fs/cgroup"
        group(root / "a", {"memory.max": 2**30, "memory.current": 2**29})
        group(root / "a/b", {"memory.max": "max", "memory.current": 2**28})
        assert available(machine) == 2**29

    def test_pages_of_files_can_be_given_back(self, machine: Path) -> None:
        (machine / "proc/self/cgroup").write_text("0::/\n")
        root = machine / "sys/fs/cgroup"
        group(root, {"memory.max": 2**30, "memory.current": 2**30})
        assert available(machine) == 0
        (root / "memory.stat").write_text("anon 1\ninactive_file 4096\n")
        assert available(machine) == 4096

    def test_container_version_1(self, machine: Path) -> None:
        (machine / "proc/self/cgroup").write_text("4:memory:/seen/by/host/only\n1:cpu:/\n")
        root = machine / "sys/fs/cgroup/memory"
        group(root, {"memory.limit_in_bytes": 2**31, "memory.usage_in_bytes": 2**30})
        assert available(machine) == 2**30

    def test_no_limit_is_a_huge_number_in_version_1(self, machine: Path) -> None:
        (machine / "proc/self/cgroup").write_text("4:memory:/\n")
        root = machine / "sys/fs/cgroup/memory"
        limit = 9223372036854771712
        group(root, {"memory.limit_in_bytes": limit, "memory.usage_in_bytes": 2**30})
        assert available(machine) == 2**33

    def test_here(self) -> None:
        assert (available() or 1) > 0


def test_observed_bytes_are_those_of_the_value() -> None:
    program, inputs = started(CHAIN)
    seen: list[Observed] = []
    program.run(inputs, watch=seen.append)
    assert {o.bytes for o in seen} == {8 * 64 * 64 * np.dtype(np.float32).itemsize}


@pytest.mark.parametrize("kind", ["maxpool", "avgpool"])
def test_a_window_that_is_mostly_padding_is_in_the_prediction(kind: str) -> None:
    """Its padded rows take far more than its one-element input and output."""
    text = f"{{input: [1, 1, 1], layers: [{{{kind}: 20000, padding: 10000}}]}}"
    with pytest.raises(ConvcalcError) as caught:
        execute(convcalc.loads(text), max_memory=50_000_000)
    assert caught.value.problems[0].code == "no-memory"


def test_what_is_kept_need_not_be_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    network = convcalc.loads("input: [8, 6, 6]\nlayers:\n  - flatten\n  - {dense: 10000}\n")
    run = convcalc.Runner(network, threads=1)
    free = max(use.total for use in run._program.memory_use(1)) * 5 // 4
    monkeypatch.setattr(run_module, "available", lambda: free - run._program.cached_bytes)
    for batch in (1, 2, 2, 2, 3):
        run(batch=batch)
    free //= 2
    with pytest.raises(ConvcalcError, match="needs"):
        run(batch=4)
