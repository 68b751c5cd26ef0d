"""Reading ONNX files: time and memory, compared with what other packages need for the shapes.

    pip install onnx onnx-tool onnxsim
    python -m benchmarks.importing

The benchmark exports the files itself, with random weights. Times are from the path to the shapes
of all values, in a process that has imported everything; a package that is not installed is left
out.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import convcalc
from benchmarks.measure import (
    Row,
    at_most,
    by_turns,
    convcalc_command,
    peak_memory,
    print_table,
    python_command,
    run,
)

#: From 9 to 553 MB.
NETWORKS = ("shufflenet_v2_x1_0", "resnet50", "vit_b_16", "vgg16")
#: How much faster than the fastest of the others, and the most memory over a bare interpreter.
FASTER, MEBIBYTES = 5, 60
#: The whole process that reads a model, compared with the one that reads the spec.
PROCESS = 3
ROUNDS = 5
_READ = "import convcalc, sys; convcalc.analyze(convcalc.load(sys.argv[1]))"


def main() -> None:
    """Prints a table for each file."""
    peers = [name for name in PEERS if find_spec(name)]
    if len(peers) < len(PEERS):
        print("not installed:", *[name for name in PEERS if name not in peers])
    with tempfile.TemporaryDirectory() as folder:
        for name in NETWORKS:
            path = os.path.join(folder, f"{name}.onnx")
            run(convcalc_command("export", name, "--output", path), folder)
            print_table(f"{name}: {os.path.getsize(path) / 1e6:.0f} MB", compare(path, peers))
            if name == "resnet50":
                print_table("As a whole process", processes(name, path))
            os.remove(path)


def compare(path: str, peers: list[str]) -> list[Row]:
    """The rows of one file."""
    tasks: dict[str, Callable[[], object]] = {"convcalc": partial(ours, path)}
    for name in peers:
        tasks[name] = partial(PEERS[name], import_module(name), path)
    times = by_turns(tasks, ROUNDS)
    rows = [Row(name, f"{seconds * 1e3:.1f} ms") for name, seconds in times.items()]
    if peers:
        fastest = min([times[name] for name in peers])
        ratio = fastest / times["convcalc"]
        rows.append(Row("fastest of the others", f"{ratio:.1f}x", f">= {FASTER}x", ratio >= FASTER))
    bare = peak_memory(python_command("-c", "pass"))
    used = (peak_memory(python_command("-c", _READ, path)) - bare) * 1e6 / 2**20
    rows.append(at_most("memory over a bare interpreter", used, MEBIBYTES, " MiB"))
    return rows


def processes(name: str, path: str) -> list[Row]:
    """The command on the model and on the spec."""
    commands = {word: convcalc_command("shapes", word) for word in (name, path)}
    times = by_turns({word: partial(run, each, ".") for word, each in commands.items()}, 20)
    return [
        Row(f"convcalc shapes {name}", f"{times[name] * 1e3:.0f} ms"),
        Row(f"convcalc shapes {name}.onnx", f"{times[path] * 1e3:.0f} ms"),
        at_most("ratio", times[path] / times[name], PROCESS),
    ]


def ours(path: str) -> object:
    """The shapes of all values, by convcalc."""
    return [node.shape for node in convcalc.load(path).nodes]


def _onnx(onnx: Any, path: str) -> object:
    shapes = import_module("onnx.shape_inference")
    return shapes.infer_shapes(onnx.load(path))


def _onnx_tool(onnx_tool: Any, path: str) -> object:
    model = onnx_tool.Model(path)
    model.graph.shape_infer(None)
    return model


def _onnxsim(onnxsim: Any, path: str) -> object:
    onnx = import_module("onnx")
    return onnxsim.simplify(onnx.load(path))


#: How each of the other packages infers shapes.
PEERS: dict[str, Callable[[Any, str], object]] = {
    "onnx": _onnx,
    "onnx_tool": _onnx_tool,
    "onnxsim": _onnxsim,
}

if __name__ == "__main__":
    main()
