"""Running a network: inputs are checked or generated, memory is checked, results are named."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from math import isqrt, prod
from typing import Any, TypeVar

import numpy as np

from convcalc import given
from convcalc.exchange.arrays import Header
from convcalc.executor.arrays import Array, channels_first, packed
from convcalc.executor.files import array_headers, open_arrays, read_arrays, unsuitable
from convcalc.executor.memory import available
from convcalc.executor.pictures import is_picture, read_picture
from convcalc.executor.program import MemoryUse, Program
from convcalc.executor.weights import GivenWeights, RandomWeights, Weights, uniform
from convcalc.executor.workspace import Workspace
from convcalc.graph import Network, check_network
from convcalc.problems import (
    UNUSABLE,
    ConvcalcError,
    DidYouMean,
    Fact,
    Help,
    Note,
    Problem,
    printable,
    refused,
)
from convcalc.quantities import short_bytes
from convcalc.shapes import Shape, cross_text, tuple_text
from convcalc.spelling import did_you_mean

V = TypeVar("V", Header, Array)


def execute(
    network: Network,
    inputs: Mapping[str, Array] | Array | None = None,
    weights: Mapping[str, Array] | str | os.PathLike[str] | None = None,
    seed: int = 0,
    dtype: str = "float32",
    *,
    batch: int = 1,
    layers: Sequence[str] = (),
    exact: bool = False,
    threads: int | None = None,
    max_memory: int | None = None,
) -> dict[str, Array]:
    """Runs a network on NumPy; returns the results by name, (batch, channels, *spatial) each.

    inputs      arrays by input name, or one array for a network with one input; default: `batch`
                samples generated from the seed
    weights     arrays by name (`conv0.weight`), or the path of an `.npz` file; default: generated
                from the seed, layer by layer
    dtype       float32 or float64
    layers      names of layers or groups whose operations' values are returned as well
    exact       perform the products that are counted: no Winograd
    threads     default: the number of processors, if NumPy's matrix products are limited to one
                thread (OPENBLAS_NUM_THREADS=1), otherwise 1
    max_memory  bytes that the run may take; default: what is free

    Raises ConvcalcError if inputs or weights do not fit, or if memory does not suffice. Warns of
    inputs, weights and results that are not finite.

    >>> import convcalc
    >>> convcalc.execute(convcalc.load("lenet"))["dense2"].shape
    (1, 10)
    """
    run = Runner(
        network,
        weights,
        seed,
        dtype,
        layers=layers,
        exact=exact,
        threads=threads,
        max_memory=max_memory,
        cache_weights=False,
    )
    results, warned = run.results(inputs, batch)
    for text in warned:
        warnings.warn(text, stacklevel=2)
    return results


class Runner:
    """A network with its weights, to be run on NumPy as often as one likes.

    The arguments, errors and warnings are those of `execute`. The first run generates or reads the
    weights, and keeps them and its buffers for later runs.

    >>> import convcalc
    >>> run = convcalc.Runner(convcalc.load("lenet"))
    >>> [run(batch=4)["dense2"].shape for _ in range(3)]
    [(4, 10), (4, 10), (4, 10)]
    """

    def __init__(
        self,
        network: Network,
        weights: Mapping[str, Array] | str | os.PathLike[str] | None = None,
        seed: int = 0,
        dtype: str = "float32",
        *,
        layers: Sequence[str] = (),
        exact: bool = False,
        threads: int | None = None,
        max_memory: int | None = None,
        cache_weights: bool = True,
    ) -> None:
        check_network(network)
        seed = given.whole("seed", seed, None)
        self._keep = layers_named(network, given.names("layers", layers))
        self._program = Program(
            network,
            weights=weights_from(weights, seed),
            dtype=given.text("dtype", dtype),
            exact=given.flag("exact", exact),
            threads=None if threads is None else given.whole("threads", threads, None),
            keep=self._keep,
            cache_weights=given.flag("cache_weights", cache_weights),
        )
        self._seed = seed
        self._max_memory = None if max_memory is None else given.whole("max_memory", max_memory, 0)
        self._checked = 0

    def __repr__(self) -> str:
        program = self._program
        return f"<Runner of {program.network.name}: {program.dtype}, {program.threads} threads>"

    def __call__(
        self, inputs: Mapping[str, Array] | Array | None = None, *, batch: int = 1
    ) -> dict[str, Array]:
        """The results by name, (batch, channels, *spatial) each; see `execute`."""
        results, warned = self.results(inputs, batch)
        for text in warned:
            warnings.warn(text, stacklevel=2)
        return results

    def results(
        self, inputs: Mapping[str, Array] | Array | None, batch: int
    ) -> tuple[dict[str, Array], list[str]]:
        """The results, and the texts of the warnings."""
        program, network = self._program, self._program.network
        values = inputs_from(network, inputs)
        batch = len(next(iter(values.values()))) if values else given.whole("batch", batch, None)
        if batch < 1:
            raise _bad_input(f"a run takes at least 1 sample, not {batch}")
        if batch > self._checked:
            # From then on the weights and buffers of this run are there already.
            check_memory(program, batch, self._max_memory)
            self._checked = batch
        ready = ready_inputs(network, values, batch, self._seed, program.dtype)
        results = named_results(network, program.run(ready), self._keep, ready.values())
        return results, not_finite(values, program.weights, results)


def weights_from(
    weights: Mapping[str, Array] | str | os.PathLike[str] | None, seed: int
) -> Weights:
    """The source of a run's weights."""
    if weights is None:
        return RandomWeights(seed)
    if isinstance(weights, Mapping):
        given.names("weights", list(weights))
        return GivenWeights({name: np.asarray(value) for name, value in weights.items()})
    path = given.path("weights", weights, "arrays by name, or the path of a file of them")
    return GivenWeights(open_arrays(path), printable(path))


def layers_named(network: Network, names: Sequence[str]) -> set[int]:
    """The indices of the operations of the layers and groups with these names."""
    found: set[int] = set()
    for name in names:
        mine = {
            index
            for index, node in enumerate(network.nodes)
            if not node.is_input
            and (name in (node.path, node.unit) or node.path.startswith(f"{name}."))
        }
        if not mine:
            known = [path for node in network.operations for path in (node.path, node.unit)]
            message = f"{network.name} has no layer or group called '{printable(name)}'"
            raise refused("unknown-layer", message, did_you_mean(name, known))
        found |= mine
    return found


def named_results(
    network: Network, values: Mapping[int, Array], keep: set[int], inputs: Iterable[Array] = ()
) -> dict[str, Array]:
    """The outputs by their names, then the kept values by their layers' paths.

    If a path is the name of another value's output, the layer's kind follows it. No result shares
    memory with another or with `inputs`: the user may change them.
    """
    named = dict(network.outputs)
    for index in sorted(keep):
        node = network.nodes[index]
        # An output has its layer's name and is the value after the layer's norm and activation.
        name = node.path if named.get(node.path, index) == index else f"{node.path}.{node.kind}"
        named[name] = index
    taken = {id(_owner(value)) for value in inputs}
    results = {}
    for name, index in named.items():
        result = np.ascontiguousarray(values[index])
        if id(_owner(result)) in taken:
            result = result.copy()
        taken.add(id(_owner(result)))
        results[name] = result
    return results


def _owner(array: Array) -> Array:
    """The array that owns the memory of this one."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def inputs_from(network: Network, inputs: Mapping[str, Array] | Array | None) -> dict[str, Array]:
    """The user's inputs by name, checked; empty if there are none."""
    if inputs is None:
        return {}
    named = inputs if isinstance(inputs, Mapping) else {"": inputs}
    values = {name: np.asarray(value) for name, value in named.items()}
    return _checked(network, values, "")


def inputs_in_file(network: Network, path: str) -> dict[str, Array]:
    """The inputs in an `.npy` or `.npz` file, whose headers are checked first, or a picture."""
    if is_picture(path):
        if len(network.inputs) != 1:
            message = f"{network.name} has several inputs, and a picture is one"
            raise _bad_input(message, Help("an .npz file holds an array for each"), file=path)
        ((name, shape),) = network.inputs.items()
        return {name: read_picture(path, shape)}
    _checked(network, array_headers(path), path)
    return _checked(network, read_arrays(path), path)


def _checked(network: Network, given: Mapping[str, V], file: str) -> dict[str, V]:
    """The given inputs in the network's order; raises ConvcalcError if they do not fit.

    A network with one input takes an array without a name. `file` is what the arrays are from.
    """
    shapes = network.inputs
    if "" in given:
        if len(shapes) > 1:
            raise _bad_input(
                f"{network.name} has {len(shapes)} inputs, and one array is given",
                Help(f"give each by name: {', '.join(shapes)}"),
                file=file,
            )
        given = dict.fromkeys(shapes, given[""])
    for name in given:
        if name not in shapes:
            message = f"{network.name} has no input called '{printable(name)}'"
            raise _bad_input(message, DidYouMean(name, tuple(shapes)), file=file)
    batches = {}
    for name, shape in shapes.items():
        if name not in given:
            raise _bad_input(f"the input {name}, {tuple_text(shape)}, is missing", file=file)
        found, dtype = given[name].shape, given[name].dtype
        if reason := unsuitable(dtype):
            raise _bad_input(f"the input {name} {reason}", file=file)
        if found[1:] != shape or not found[0]:
            wanted = "(batch, " + tuple_text(shape)[1:].replace(",)", ")")
            facts = []
            if found == shape:
                facts.append(Help("the batch axis comes first: array[None] adds it"))
            message = f"the input {name} has the shape {tuple_text(found)}, not {wanted}"
            raise _bad_input(message, *facts, file=file)
        batches[name] = found[0]
    if len(set(batches.values())) > 1:
        counts = ", ".join(f"{name} {count}" for name, count in batches.items())
        raise _bad_input(f"the inputs differ in the number of samples: {counts}", file=file)
    return {name: given[name] for name in shapes}


def _bad_input(message: str, *facts: Fact, file: str = "") -> ConvcalcError:
    return ConvcalcError([Problem("bad-input", message, None, facts).about(file=file)], UNUSABLE)


def not_finite(
    inputs: Mapping[str, Array], weights: Weights, results: Mapping[str, Array]
) -> list[str]:
    """The texts of warnings of NaN and infinity in inputs, weights and results."""
    named = [("input", name, value) for name, value in inputs.items()]
    named += [("result", name, value) for name, value in results.items()]
    found = [
        f"{what} {printable(name)} holds values that are not finite"
        for what, name, value in named
        if not bool(np.isfinite(value).all())
    ]
    if isinstance(weights, GivenWeights) and weights.not_finite:
        names = list(weights.not_finite)
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        found.append(f"weights {names[0]}{more} hold values that are not finite")
    return found


def ready_inputs(
    network: Network, values: Mapping[str, Array], batch: int, seed: int, dtype: Any
) -> dict[str, Array]:
    """Inputs in the run's type and memory format.

    Without given ones they are generated from the seed, uniform between -1 and 1.
    """
    if values:
        # Numbers too large for the type become infinite, which `not_finite` reports.
        with np.errstate(over="ignore"):
            return {
                name: channels_first(packed(value.astype(dtype, copy=False)))
                for name, value in values.items()
            }
    generated = {}
    for name, (channels, *sizes) in network.inputs.items():
        flat = np.empty(batch * channels * prod(sizes), np.float32)
        uniform(flat, f"{seed}\n{name}\ninput".encode(), 1.0, Workspace())
        shaped = flat.reshape(batch, *sizes, channels).astype(dtype, copy=False)
        generated[name] = channels_first(shaped)
    return generated


def check_memory(program: Program, batch: int, max_memory: int | None = None) -> MemoryUse:
    """The memory of the operation that needs most; raises ConvcalcError if it is not available."""
    most = _peak(program, batch)
    free = available()
    if free is not None:
        # The prediction includes what is cached, which is not free any more.
        free += program.cached_bytes
    limits = [limit for limit in (free, max_memory) if limit is not None]
    limit = min(limits, default=None)
    if limit is None or most.total <= limit:
        return most
    node = program.network.nodes[most.node]
    allowed = "are allowed" if limit == max_memory else "are free"
    facts: list[Fact] = [
        Note(f"values: {short_bytes(most.values)}"),
        Note(f"weights: {short_bytes(most.weights)}"),
        Note(f"buffers: {short_bytes(most.buffers)}"),
    ]
    fits = _largest_batch(program, batch, limit)
    smaller = None if fits else _smaller_input(program, limit)
    if fits:
        facts.append(Help(f"'--batch {fits}' would fit"))
    elif smaller:
        facts.append(Help(f"a smaller input may fit: '--input {cross_text(smaller)}'"))
    message = (
        f"running {program.network.name} with batch {batch} needs"
        f" {short_bytes(most.total)} of memory at this layer, {short_bytes(limit)} {allowed}"
    )
    problem = Problem("no-memory", message, node.span, tuple(facts))
    raise ConvcalcError([problem.about(layer=node.path)], UNUSABLE)


def _peak(program: Program, batch: int) -> MemoryUse:
    # Where nothing runs, there are the inputs all the same.
    inputs = program.input_bytes(batch)
    uses = program.memory_use(batch)
    return max(uses, key=lambda use: use.total, default=MemoryUse(0, inputs, 0, 0))


def _largest_batch(program: Program, batch: int, limit: int) -> int:
    """The largest smaller batch that fits; 0 if none does."""
    low, high = 0, batch
    while high - low > 1:
        middle = (low + high) // 2
        if _peak(program, middle).total <= limit:
            low = middle
        else:
            high = middle
    return low


def _smaller_input(program: Program, limit: int) -> Shape | None:
    """A smaller input whose values, which shrink with its area, may fit; None if none can."""
    most = _peak(program, 1)
    room = limit - most.weights - program.threads * 2**20
    shapes = list(program.network.inputs.values())
    if len(shapes) != 1 or room <= 0 or len(shapes[0]) != 3:
        return None
    channels, *sizes = shapes[0]
    # Half of what is left, because buffers shrink more slowly than values.
    shrunk = [isqrt(size * size * room // (2 * (most.total - most.weights))) for size in sizes]
    return (channels, *shrunk) if min(shrunk) > 0 else None
