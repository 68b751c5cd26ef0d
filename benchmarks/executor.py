"""How fast the executor is, against PyTorch (eager, channels first) and onnxruntime.

    pip install torch==2.13.0 onnxruntime
    python -m benchmarks.executor                   # ratios of medians, one process
    python -m benchmarks.executor --whole           # whole processes: time and peak memory
    python -m benchmarks.executor --kernels         # each kernel, on 3x3 convolutions
    python -m benchmarks.executor --layers vgg16    # each layer, beside its matrix product

Two threads, batch 1, 224x224, float32, weights prepared and batch normalisation folded on all
sides. The runs of all sides alternate, so that a slow machine slows all of them: absolute times
drift, ratios do not. "sgemm" is the time of the same products as plain matrix products, the lower
bound for a direct convolution.
"""

from __future__ import annotations

import os

from convcalc.executor.blas import ONE_THREAD, limit_blas_to_one_thread

limit_blas_to_one_thread()

import argparse  # noqa: E402 - the threads of NumPy's products are settled on import
import subprocess  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402
from functools import lru_cache  # noqa: E402
from math import prod  # noqa: E402
from statistics import median  # noqa: E402
from time import perf_counter, sleep  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

import convcalc  # noqa: E402
from convcalc.executor.arrays import Array  # noqa: E402
from convcalc.executor.fast.blocking import window_over  # noqa: E402
from convcalc.executor.fast.convolution import convolve  # noqa: E402
from convcalc.executor.fast.epilogue import Epilogue  # noqa: E402
from convcalc.executor.fast.winograd import transform_kernels, winograd  # noqa: E402
from convcalc.executor.program import Observed, Program  # noqa: E402
from convcalc.executor.run import ready_inputs  # noqa: E402
from convcalc.executor.thread_pool import ThreadPool  # noqa: E402
from convcalc.executor.weights import array_name, array_shapes, seeded_weights  # noqa: E402
from convcalc.executor.workspace import Workspace  # noqa: E402
from convcalc.graph import Network  # noqa: E402

NETWORKS = ("vgg16", "resnet50", "mobilenet_v2", "alexnet")
THREADS = 2


def folded_weights(network: Network) -> dict[str, Array]:
    """The weights of a network by name, batch normalisation folded into convolutions."""
    arrays = dict(seeded_weights(network))
    program = Program(network, threads=1)
    with ThreadPool([Workspace()]) as pool:
        for op in program.plan:
            if op.norm is not None:
                node = network.nodes[op.first]
                prepared = program._prepare(op, pool)  # noqa: SLF001
                arrays[f"{node.path}.weight"] = prepared.arrays["weight"]
                arrays[f"{node.path}.bias"] = np.asarray(prepared.bias)
    return arrays


def ours(network: Network, image: Array) -> Callable[[], Any]:
    """The executor, with weights prepared once."""
    program = Program(network, threads=THREADS, cache_weights=True)
    return lambda: program.run({next(iter(network.inputs)): image})


def torch_side(network: Network, weights: dict[str, Array], image: Array) -> Callable[[], Any]:
    """PyTorch, eager."""
    import torch

    from benchmarks.torch_network import torch_network

    torch.set_num_threads(THREADS)

    def arrays(index: int) -> dict[str, Any]:
        node = network.nodes[index]
        if node.kind == "batchnorm":
            return {}
        names = [*array_shapes(network, index), "bias"]
        found = {name: weights.get(array_name(node, name)) for name in names}
        return {
            name: torch.from_numpy(np.ascontiguousarray(value))
            for name, value in found.items()
            if value is not None
        }

    run = torch_network(network, arrays)
    x = torch.from_numpy(np.ascontiguousarray(image))
    return lambda: run(x).numpy()


def onnx_side(network: Network, image: Array) -> Callable[[], Any]:
    """onnxruntime, which folds by itself."""
    import onnxruntime

    from convcalc.exchange.write.onnx.file import onnx_bytes

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.log_severity_level = 4
    weights = dict(seeded_weights(network))

    def arrays(index: int) -> dict[str, Array]:
        node = network.nodes[index]
        return {name: weights[array_name(node, name)] for name in array_shapes(network, index)}

    model = onnx_bytes(network, arrays)
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    feeds = {next(iter(network.inputs)): np.ascontiguousarray(image)}
    return lambda: session.run(None, feeds)[0]


def medians(sides: dict[str, Callable[[], Any]], runs: int) -> dict[str, float]:
    """The median time of each side, in milliseconds; the sides take turns."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(runs):
        for name, run in sides.items():
            start = perf_counter()
            run()
            times[name].append(perf_counter() - start)
            # PyTorch's and onnxruntime's threads spin for a while after a run and slow the next
            # side down: after 20 ms some still do, which makes MobileNetV2 a third slower.
            sleep(0.15)
    return {name: median(values[2:]) * 1000 for name, values in times.items()}


def resident(names: list[str], runs: int) -> None:
    """Prints the ratios of runs with weights and buffers prepared."""
    print(f"{'':14}{'NumPy ms':>10}{'x torch':>9}{'x onnxrt':>9}{'error':>10}")
    for name in names:
        network = convcalc.load(name)
        (image,) = ready_inputs(network, {}, 1, 0, np.dtype(np.float32)).values()
        sides = {
            "numpy": ours(network, image),
            "torch": torch_side(network, folded_weights(network), image),
            "onnx": onnx_side(network, image),
        }
        (mine,) = sides["numpy"]().values()
        theirs = sides["torch"]()
        error = np.abs(mine - theirs).max() / np.abs(theirs).max()
        times = medians(sides, runs)
        mine_ms = times["numpy"]
        print(
            f"{name:14}{mine_ms:10.1f}{mine_ms / times['torch']:9.2f}"
            f"{mine_ms / times['onnx']:9.2f}{error:10.1e}",
            flush=True,
        )


def whole(names: list[str], runs: int) -> None:
    """Prints time and peak memory of `convcalc verify` and of a PyTorch script, whole processes."""
    print(f"{'':14}{'verify s':>9}{'torch s':>9}{'ratio':>7}{'MiB':>7}{'torch MiB':>10}")
    for name in names:
        commands = {
            "verify": [sys.executable, "-m", "convcalc", "verify", name],
            "torch": [sys.executable, "-m", "benchmarks.torch_network", name],
        }
        times: dict[str, list[float]] = {side: [] for side in commands}
        peaks: dict[str, float] = {}
        for _ in range(runs):
            for side, command in commands.items():
                seconds, peak = process(command)
                times[side].append(seconds)
                peaks[side] = max(peak, peaks.get(side, 0))
        mine, other = median(times["verify"]), median(times["torch"])
        print(
            f"{name:14}{mine:9.2f}{other:9.2f}{mine / other:7.2f}"
            f"{peaks['verify']:7.0f}{peaks['torch']:10.0f}",
            flush=True,
        )


def process(command: list[str]) -> tuple[float, float]:
    """Seconds and peak resident memory in MiB of a process."""
    environment = {k: v for k, v in os.environ.items() if k not in ONE_THREAD}
    start = perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return seconds, usage.ru_maxrss / unit


def by_layer(name: str, runs: int) -> None:
    """Prints each layer's time and the time of its matrix product, divided by the threads."""
    network = convcalc.load(name)
    program = Program(network, threads=THREADS, cache_weights=True)
    inputs = ready_inputs(network, {}, 1, 0, np.dtype(np.float32))
    seen: dict[int, list[float]] = {}

    def watch(observed: Observed) -> None:
        if observed.seconds is not None:
            seen.setdefault(observed.node, []).append(observed.seconds)

    for _ in range(runs):
        program.run(inputs, watch=watch)
    total = limit = 0.0
    for index, times in seen.items():
        node = network.nodes[index]
        ms = median(times[2:]) * 1000
        products = 0.0
        if node.kind == "conv":
            rows, inner = prod(node.shape[1:]), prod(array_shapes(network, index)["weight"][1:])
            products = product_time(rows, inner, node.shape[0]) / THREADS
        total, limit = total + ms, limit + products
        shown = f"{products:8.2f} ms sgemm" if products else ""
        print(f"{node.path:40}{node.layer.summary():18}{ms:8.2f} ms {shown}")
    print(f"{'total':58}{total:8.2f} ms {limit:8.2f} ms sgemm")


@lru_cache
def product_time(rows: int, inner: int, columns: int) -> float:
    """Milliseconds of a matrix product of this size on one thread."""
    a, b = np.ones((rows, inner), np.float32), np.ones((inner, columns), np.float32)
    out = np.empty((rows, columns), np.float32)
    return best(lambda: np.matmul(a, b, out=out), 5)


def best(run: Callable[[], Any], runs: int) -> float:
    """The shortest time of some runs, in milliseconds."""
    times = []
    for _ in range(runs):
        start = perf_counter()
        run()
        times.append(perf_counter() - start)
    return min(times) * 1000


#: 3x3 convolutions of VGG-16 and ResNet-50: size of the map, channels in and out.
KERNELS = (
    (224, 64, 64),
    (112, 64, 128),
    (112, 128, 128),
    (56, 64, 64),
    (56, 256, 256),
    (28, 128, 128),
    (28, 512, 512),
    (14, 256, 256),
    (14, 512, 512),
    (7, 512, 512),
    (56, 16, 16),
    (56, 32, 32),
)


def kernels(runs: int) -> None:
    """Prints the time of each kernel for a 3x3 convolution."""
    print(f"{'map, channels':20}{'direct':>9}{'winograd':>10}{'+ transform':>12}   ms")
    for size, c_in, c_out in KERNELS:
        times = kernel_times(size, c_in, c_out, runs)
        print(f"{size:5} {c_in:5} {c_out:5}   {times[0]:9.2f}{times[1]:10.2f}{times[2]:12.2f}")


def kernel_times(size: int, c_in: int, c_out: int, runs: int) -> list[float]:
    """Milliseconds of the direct kernel, of Winograd's, and of Winograd's with fresh weights."""
    window = window_over((size, size), (3, 3), (3, 3), (1, 1), (1, 1), ((1, 1), (1, 1)))
    data = np.ones((1, size, size, c_in), np.float32)
    weight = np.ones((9 * c_in, c_out), np.float32)
    with ThreadPool([Workspace() for _ in range(THREADS)]) as pool:
        kernels = transform_kernels(weight, pool)
        return [
            best(lambda: convolve(data, weight, window, 1, Epilogue(), pool), runs),
            best(lambda: winograd(data, weight, kernels, window, Epilogue(), pool), runs),
            best(lambda: winograd(data, weight, None, window, Epilogue(), pool), runs),
        ]


def main() -> None:
    """Reads the arguments and runs the selected benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("networks", nargs="*", default=list(NETWORKS))
    parser.add_argument("--whole", action="store_true", help="whole processes")
    parser.add_argument("--layers", action="store_true", help="each layer of the executor")
    parser.add_argument("--runs", type=int, default=12)
    parser.add_argument("--kernels", action="store_true", help="each kernel of a convolution")
    arguments = parser.parse_args()
    names = arguments.networks
    if arguments.kernels:
        kernels(arguments.runs)
    elif arguments.layers:
        for name in names:
            by_layer(name, arguments.runs)
    elif arguments.whole:
        whole(names, arguments.runs)
    else:
        resident(names, arguments.runs)


if __name__ == "__main__":
    main()
