"""Weights: generated from a seed layer by layer, or read from the user's file.

Generated values depend on the seed, the layer's path, the array's name and whether an activation
follows, and on nothing else: other layers, their order, the threads and the platform do not matter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any, ClassVar

import numpy as np

from convcalc.exchange.arrays import ArraySource, Header
from convcalc.executor.arrays import Array
from convcalc.executor.files import unsuitable
from convcalc.executor.memory import available
from convcalc.executor.thread_pool import ThreadPool
from convcalc.executor.workspace import Workspace
from convcalc.graph import Network, Node
from convcalc.layers.traits import Start
from convcalc.problems import UNUSABLE, ConvcalcError, Fact, Help, Note, Problem, Rule
from convcalc.quantities import short_bytes
from convcalc.shapes import Shape, tuple_text
from convcalc.spelling import did_you_mean

#: How many numbers share a key.
KEY_SPAN = 65_536
#: Numbers of a chunk, which one thread generates at once; a dense layer is streamed chunk by chunk.
#: With a quarter of this, threads wait for the interpreter as long as they compute.
CHUNK = 4 * KEY_SPAN
#: Bytes of an array from which on it is asked whether memory suffices.
_LARGE = 2**26

#: The counter within a span, for each number of a chunk.
_COUNTER = np.arange(CHUNK, dtype=np.uint32) % np.uint32(KEY_SPAN)


def uniform(out: Array, key: bytes, limit: float, workspace: Workspace) -> None:
    """Fills a flat float32 array with numbers between -limit and limit.

    A counter-based generator: number i is a hash of i and the key. The integer hash is one that
    Chris Wellons's hash-prospector found (16, 0x21f0aaad, 15, 0xd35a2d97), with half of the key
    added to i and half mixed in between the rounds. Integer operations, an exact subtraction and a
    product give the same numbers on every platform, in half the time of NumPy's fastest generator.
    """
    words = np.frombuffer(hashlib.blake2b(key, digest_size=8).digest(), "<u4").astype(np.uint32)
    for start in range(0, out.size, CHUNK):
        part = out[start : start + CHUNK]
        bits = part.view(np.uint32)
        shifted = workspace.array("shifted", part.shape, np.uint32)
        np.add(_COUNTER[: part.size], words[0], out=bits)
        np.right_shift(bits, 16, out=shifted)
        bits ^= shifted
        bits *= np.uint32(0x21F0AAAD)
        # The second half of the key differs from span to span.
        for first in range(0, part.size, KEY_SPAN):
            span = (start + first) // KEY_SPAN
            bits[first : first + KEY_SPAN] ^= words[1] ^ np.uint32(span * 0x9E3779B1 % 2**32)
        np.right_shift(bits, 15, out=shifted)
        bits ^= shifted
        bits *= np.uint32(0xD35A2D97)
        # 23 bits are the fraction of a float between 1 and 2.
        bits >>= 9
        bits |= 0x3F800000
        part -= np.float32(1.5)
        part *= np.float32(2 * limit)


#: The order in memory of a weight's first two axes, after its spatial ones: the output channels are
#: innermost, so that a weight is a matrix (taps and input channels) x (output channels).
CHANNEL_ORDERS = {"conv": (1, 0), "depthwise": (1, 0), "conv_transpose": (0, 1)}


def memory_format(kind: str, rank: int) -> tuple[int, ...]:
    """The axes of a weight of `rank` axes from the outermost to the innermost in memory."""
    channels = CHANNEL_ORDERS.get(kind)
    return (*range(2, rank), *channels) if channels and rank > 2 else tuple(range(rank))


def in_memory_format(
    kind: str, name: str, value: Array, dtype: Any, *, copy: bool = False
) -> Array:
    """The array in the type and the memory format that kernels want, copied if they differ.

    With `copy` it is always a copy, so that the caller's array is never changed.
    """
    if name != "weight":
        return np.array(value, dtype) if copy else np.asarray(value, dtype)
    order = memory_format(kind, value.ndim)
    inside = value.transpose(order)
    inside = np.array(inside, dtype, order="C") if copy else np.ascontiguousarray(inside, dtype)
    result: Array = inside.transpose(np.argsort(order))
    return result


def array_shapes(network: Network, index: int) -> dict[str, Shape]:
    """A node's arrays by name: learned ones, then statistics; none if it shares another's."""
    node = network.nodes[index]
    if node.shares is not None or node.is_input:
        return {}
    shapes = network.input_shapes(node)
    return {**node.layer.parameters(shapes), **node.layer.buffers(shapes)}


def array_name(node: Node, name: str) -> str:
    """The name of an array in a file: `stage1.conv0.weight`."""
    return f"{node.path}.{name}"


class Weights:
    """The source of a run's weights; abstract."""

    #: Whether it has `rows`, so that the weight of a large dense layer is never in memory at once.
    streams: ClassVar[bool] = False

    def get(
        self,
        network: Network,
        index: int,
        dtype: Any,
        pool: ThreadPool,
        without: Sequence[str] = (),
    ) -> dict[str, Array]:
        """The arrays of a node by name, in new memory that the caller may change."""
        raise NotImplementedError

    def rows(
        self, network: Network, index: int, dtype: Any, start: int, stop: int, workspace: Workspace
    ) -> Array:
        """Rows of a dense layer's weight, valid until the workspace is used again.

        `start` must be a multiple of `rows_per_chunk` of the weight's width.
        """
        raise NotImplementedError


class RandomWeights(Weights):
    """Weights generated from a seed.

    Weights of sums of products have a variance of 2 / fan-in where an activation follows (He et
    al., arXiv:1502.01852) and of 1 / fan-in elsewhere. So values neither overflow nor vanish in
    hundreds of layers, with residual connections or without.
    """

    streams = True

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self._activated: tuple[Network, frozenset[int]] | None = None

    def get(
        self,
        network: Network,
        index: int,
        dtype: Any,
        pool: ThreadPool,
        without: Sequence[str] = (),
    ) -> dict[str, Array]:
        node = network.nodes[index]
        return {
            name: self._array(network, node, index, name, shape, dtype, pool)
            for name, shape in array_shapes(network, index).items()
            if name not in without
        }

    def rows(
        self, network: Network, index: int, dtype: Any, start: int, stop: int, workspace: Workspace
    ) -> Array:
        node = network.nodes[index]
        _, width = array_shapes(network, index)["weight"]
        rows = workspace.array("rows", (stop - start, width), np.float32)
        start_at = self._start(network, index, "weight")
        step = rows_per_chunk(width)
        for first in range(start, stop, step):
            part = rows[first - start : first - start + step]
            self._fill(part.reshape(-1), node, "weight", first // step, start_at, workspace)
        return rows if dtype == np.float32 else rows.astype(dtype)

    def _array(
        self,
        network: Network,
        node: Node,
        index: int,
        name: str,
        shape: Shape,
        dtype: Any,
        pool: ThreadPool,
    ) -> Array:
        size = prod(shape) * np.dtype(dtype).itemsize
        free = available() if size > _LARGE else None
        if free is not None and size > free:
            raise _no_memory(node, name, shape, size, f"{short_bytes(free)} are free")
        start_at = self._start(network, index, name)
        order = memory_format(node.kind, len(shape)) if name == "weight" else range(len(shape))
        try:
            inside = np.empty([shape[axis] for axis in order], dtype)
        except (MemoryError, ValueError):  # ValueError: more than an array can have at all
            raise _no_memory(node, name, shape, size, "more than can be allocated") from None
        result: Array = inside.transpose(np.argsort(order))
        if not start_at.spread:
            result.fill(start_at.middle)
            return result
        matrix = inside.reshape(-1, inside.shape[-1])
        step = rows_per_chunk(matrix.shape[1])

        def fill(start: int, workspace: Workspace) -> None:
            part = matrix[start : start + step]
            if part.dtype == np.float32:
                self._fill(part.reshape(-1), node, name, start // step, start_at, workspace)
            else:
                values = workspace.array("values", part.shape, np.float32)
                self._fill(values.reshape(-1), node, name, start // step, start_at, workspace)
                part[...] = values

        pool.run(fill, range(0, len(matrix), step))
        return result

    def _fill(
        self, out: Array, node: Node, name: str, chunk: int, start: Start, workspace: Workspace
    ) -> None:
        key = f"{self.seed}\n{node.path}\n{name}\n{chunk}".encode()
        uniform(out, key, start.spread, workspace)
        if start.middle:
            out += np.float32(start.middle)

    def _start(self, network: Network, index: int, name: str) -> Start:
        node = network.nodes[index]
        start = node.layer.start(name)
        if start is not None:
            return start
        gain = 2.0 if index in self._before_activation(network) else 1.0
        # A uniform distribution between -a and a has the variance a*a / 3.
        return Start(0.0, (3 * gain / node.layer.fan_in(network.input_shapes(node))) ** 0.5)

    def _before_activation(self, network: Network) -> frozenset[int]:
        """The nodes before an activation, with or without a normalisation in between."""
        if self._activated is None or self._activated[0] is not network:
            found: set[int] = set()
            for position in range(len(network.nodes) - 1, -1, -1):
                node = network.nodes[position]
                if node.layer.role == "activation" or (
                    node.layer.role == "norm" and position in found
                ):
                    found.update(node.inputs)
            self._activated = network, frozenset(found)
        return self._activated[1]


def _no_memory(node: Node, name: str, shape: Shape, size: int, limit: str) -> ConvcalcError:
    message = f"its {name} {tuple_text(shape)} needs {short_bytes(size)} of memory, {limit}"
    rule = Rule("each array is made in memory as a whole")
    problem = Problem("no-memory", message, node.span, (rule,), node.calls)
    return ConvcalcError([problem.about(layer=node.path)], UNUSABLE)


def rows_per_chunk(width: int) -> int:
    """How many rows of this width a chunk has."""
    return max(1, CHUNK // width)


class GivenWeights(Weights):
    """The user's weights by name: `conv0.weight`, `stage1.conv0.bias`.

    `source` names them in messages: a file's name.
    """

    def __init__(self, arrays: Mapping[str, Array] | ArraySource, source: str = "weights") -> None:
        self._arrays = arrays
        self._source = source
        #: Names of arrays in which NaN or infinity was found; complete after a run.
        self.not_finite: dict[str, None] = {}

    def check(self, network: Network) -> None:
        """Raises one ConvcalcError for all arrays that are missing, unknown or do not fit."""
        shapes = (
            {name: Header(value.shape, value.dtype) for name, value in self._arrays.items()}
            if isinstance(self._arrays, Mapping)
            else self._arrays.headers
        )
        problems: list[str] = []
        helps: list[str] = []
        wanted = {
            array_name(node, name): shape
            for index, node in enumerate(network.nodes)
            for name, shape in array_shapes(network, index).items()
        }
        for name, shape in wanted.items():
            if name not in shapes:
                problems.append(f"there is no {name}, of shape {tuple_text(shape)}")
                continue
            found, dtype = shapes[name]
            if tuple(found) != tuple(shape):
                problems.append(
                    f"{name} has the shape {tuple_text(found)}, not {tuple_text(shape)}"
                )
            elif reason := unsuitable(dtype):
                problems.append(f"{name} {reason}")
        for name in shapes:
            if name not in wanted:
                problems.append(f"{name} belongs to no layer")
                helps.append(did_you_mean(name, wanted))
        if problems:
            more = len(problems) - 5
            facts: list[Fact] = [Note(text) for text in problems[1:5]]
            if more > 0:
                facts.append(Note(f"and {more} more"))
            facts += [Help(text) for text in helps[:1] if text]
            raise ConvcalcError(
                [
                    Problem(
                        "bad-weights",
                        f"{self._source} does not fit {network.name}: {problems[0]}",
                        None,
                        tuple(facts),
                    )
                ],
                UNUSABLE,
            )

    def get(
        self,
        network: Network,
        index: int,
        dtype: Any,
        pool: ThreadPool,
        without: Sequence[str] = (),
    ) -> dict[str, Array]:
        node = network.nodes[index]
        arrays = {}
        for name in array_shapes(network, index):
            if name in without:
                continue
            full_name = array_name(node, name)
            if isinstance(self._arrays, Mapping):
                value, copy = self._arrays[full_name], True
            else:
                value, copy = self._arrays.read(full_name), False
            if not np.isfinite(value).all():
                self.not_finite[full_name] = None
            arrays[name] = in_memory_format(node.kind, name, value, dtype, copy=copy)
        return arrays


def check_known(network: Network) -> None:
    """Refuses a network with an operation of which it is unknown what it computes: status 2."""
    unknown = [node for node in network.nodes if node.layer.unknown]
    if unknown:
        node = unknown[0]
        message = f"it is unknown what {node.layer.argument('op')} computes, so it cannot run"
        others = f"and {len(unknown) - 1:,} more operations are unknown"
        facts = (Note(others),) if len(unknown) > 1 else ()
        problem = Problem("no-kernel", message, node.span, facts, node.calls)
        raise ConvcalcError([problem.about(layer=node.path)], UNUSABLE)


def seeded_weights(
    network: Network, seed: int = 0, dtype: Any = "float32"
) -> Iterator[tuple[str, Array]]:
    """Every array of a network with its name, one at a time, for `convcalc weights` to write."""
    check_known(network)
    weights = RandomWeights(seed)
    with ThreadPool([Workspace()]) as pool:
        for index, node in enumerate(network.nodes):
            names = list(array_shapes(network, index))
            for name in names:
                others = [other for other in names if other != name]
                (value,) = weights.get(network, index, dtype, pool, others).values()
                yield array_name(node, name), value
                del value
