"""The metrics: every figure of a network or of its layers, by name.

Limits, expectations, growth, the lock, columns, JSON keys, the JSON Schema and the reference page
follow this table. `convcalc.analysis.metrics` computes them: a new metric is a line in both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from convcalc.quantities import BYTES, COUNT
from convcalc.record import Record


class Metric(Record):
    """A figure of a network or of its layers.

    name      its key wherever it is written
    unit      COUNT or BYTES
    doc       what it is
    of        what has it: a "network", a "layer", or "both"; then the network's is the sum over its
              layers
    slow      whether it takes as long as all the others together, and is computed only on request
    headline  whether short summaries show it
    title     above its column
    together  how the figures of several operations become one
    note      what a table says of its figures
    whole_taps  whether taps that fall on padding are counted, --valid-taps or not
    board     whether it is of one program for microcontrollers, and computed only by its name
    """

    name: str
    unit: str
    doc: str
    of: Literal["network", "layer", "both"] = "network"
    slow: bool = False
    headline: bool = False
    title: str = ""
    together: Callable[[Iterable[int]], int] = sum
    note: str = ""
    whole_taps: bool = False
    board: bool = False


_TRAINING = "operations of a training step with SGD"

#: Every metric by its name, in the order in which totals are shown.
METRICS = {
    metric.name: metric._replace(title=metric.title or metric.name)
    for metric in (
        Metric("params", COUNT, "learned numbers", "both", headline=True),
        Metric("buffers", COUNT, "running statistics, and the values of buffers", "both"),
        Metric("macs", COUNT, "multiply-accumulates", "both", headline=True, title="MACs"),
        Metric(
            "flops",
            COUNT,
            "operations of every class; the limit says as whom it counts",
            "both",
            headline=True,
            title="FLOPs",
        ),
        Metric("multiplies", COUNT, "multiplications", "both"),
        Metric("adds", COUNT, "additions and subtractions", "both"),
        Metric("divides", COUNT, "divisions", "both"),
        Metric("compares", COUNT, "comparisons", "both"),
        Metric(
            "specials", COUNT, "evaluations of exp, log, tanh, erf, square root or a power", "both"
        ),
        Metric("layers", COUNT, "layers, each with what is fused behind it"),
        Metric("operations", COUNT, "operations, fused ones included"),
        Metric("depth", COUNT, "convolutions and dense layers on the longest path"),
        Metric("weights", BYTES, "bytes of the parameters and buffers", "both"),
        Metric("activations", BYTES, "bytes of every operation's result, views left out", "both"),
        Metric("largest_activation", BYTES, "bytes of the largest single tensor"),
        Metric(
            "peak_memory",
            BYTES,
            "bytes alive at once at most, run in the written order",
            headline=True,
            title="peak memory",
        ),
        Metric("peak_in_place", BYTES, "the same, element-wise operations written in place"),
        Metric(
            "peak_least", BYTES, "the same in the order of execution that needs least", slow=True
        ),
        Metric("arena", BYTES, "bytes of one static allocation for all tensors", slow=True),
        Metric(
            "tflm_arena",
            BYTES,
            "bytes of the arena that TensorFlow Lite Micro plans for the tensors",
            slow=True,
            board=True,
        ),
        Metric(
            "tflm_weights",
            BYTES,
            "bytes of the weights in flash under TensorFlow Lite, biases of int8 in four",
            slow=True,
            board=True,
        ),
        Metric(
            "bytes_moved",
            BYTES,
            "bytes that the layers read and write at least, weights included",
            slow=True,
        ),
        Metric(
            "training_macs",
            COUNT,
            "multiply-accumulates of a training step on one sample",
            slow=True,
        ),
        Metric(
            "training_memory",
            BYTES,
            "bytes that a training step on one sample holds, with plain gradient descent",
            slow=True,
        ),
        Metric("other", COUNT, "divisions, comparisons and specials", "layer"),
        Metric(
            "live",
            BYTES,
            "bytes alive while the layer runs, in the written order",
            "layer",
            together=max,
        ),
        Metric(
            "live_in_place",
            BYTES,
            "the same, element-wise operations written in place",
            "layer",
            title="live in place",
            together=max,
        ),
        Metric(
            "forward",
            COUNT,
            "operations of the forward pass of a training step",
            "layer",
            note=_TRAINING,
            whole_taps=True,
        ),
        Metric(
            "backward",
            COUNT,
            "operations of its backward pass",
            "layer",
            note=_TRAINING,
            whole_taps=True,
        ),
        Metric(
            "step",
            COUNT,
            "operations by which the optimizer changes the parameters",
            "layer",
            note=_TRAINING,
        ),
        Metric(
            "training",
            COUNT,
            "operations of the whole training step, with SGD",
            "layer",
            note=_TRAINING,
            whole_taps=True,
        ),
    )
}

#: Those of a network: what can be limited, locked and compared.
TOTALS = {name: metric for name, metric in METRICS.items() if metric.of != "layer"}
#: Those that a network has as the sum over its layers.
SUMS = {name: metric for name, metric in METRICS.items() if metric.of == "both"}

#: The count of scalar operations of this package.
OWN = "convcalc"
#: Whose count of `flops` can be asked for: this package's, and those of other counters.
CONVENTIONS = (
    OWN,
    "torch",
    "fvcore",
    "torchinfo",
    "ptflops-aten",
    "ptflops-pytorch",
    "thop",
    "calflops",
    "calflops-macs",
    "deepspeed",
    "torchvision",
    "darknet",
)
