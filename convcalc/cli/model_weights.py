"""The weights that a run uses: those of a file, of the model itself, or made from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from convcalc.cli.guard import refuse, write_error
from convcalc.cli.options import Loaded
from convcalc.exchange.against import Counterparts, counterparts
from convcalc.exchange.arrays import ArraySource
from convcalc.executor.files import open_arrays
from convcalc.executor.pairing import Renamed, paired
from convcalc.executor.weights import GivenWeights, RandomWeights, Weights, array_shapes
from convcalc.graph import Network
from convcalc.language.load import loads
from convcalc.problems import printable
from convcalc.shapes import Shape


class Own(NamedTuple):
    """The weights in a model's file.

    arrays   all of them; None where it is no model, or does not hold them all
    missing  the names of those that it does not hold, where it holds others
    """

    arrays: ArraySource | None
    missing: tuple[str, ...] = ()


def own_weights(loaded: Loaded) -> Own:
    """The weights in a model's file, and those that are missing there."""
    if loaded.model is None:
        return Own(None)
    tensors = loaded.model.tensors
    wanted = [f"{path}.{name}" for path, name in _arrays(loaded.network)]
    from convcalc.exchange.tensors import TensorArrays

    arrays = TensorArrays({name: tensors[name] for name in wanted if name in tensors})
    elsewhere = {*arrays.missing(), *[name for name in wanted if name not in tensors]}
    if len(elsewhere) == len(wanted) > 0:
        return Own(None)
    # Small whole numbers mean something only with the scales of a quantized model.
    quantized = {name for name, (_, kind) in arrays.headers.items() if kind.kind in "iu"}
    missing = tuple([name for name in wanted if name in elsewhere or name in quantized])
    return Own(None, missing) if missing else Own(arrays)


def weights_for(
    loaded: Loaded, weights: str | None, seed: int, *, pair: bool, values_matter: bool
) -> Weights:
    """The weights of a run, as `--weights`, `--pair` and `--seed` have them.

    values_matter  whether the run is for its results, and not for their shapes alone

    Without a file they are the model's own, or made from the seed. A note reports a model without
    weights. One that holds a part of them is refused where the values matter.
    """
    if pair and weights is None:
        refuse("--pair goes with --weights", "--weights model.safetensors --pair")
    if weights is None:
        arrays, missing = own_weights(loaded)
        if arrays is not None:
            return GivenWeights(arrays, loaded.network.name)
        if loaded.model is not None:
            text = "the model holds no weights"
            if missing:
                text = f"the model does not hold the numbers of {some(missing)}"
            if missing and values_matter:
                refuse(text, "--weights w.npz gives all of them")
            write_error(f"note: {text}: all weights are made from the seed\n")
        return RandomWeights(seed)
    arrays = open_arrays(weights)
    if pair:
        arrays = paired(loaded.network, arrays, printable(weights))
    return GivenWeights(arrays, printable(weights))


def renamed_arrays(loaded: Loaded, text: str, max_layers: int) -> ArraySource:
    """A model's weights under the names that they have in its text."""
    arrays, missing = own_weights(loaded)
    if arrays is None:
        what = f": {some(missing)}" if missing else ""
        refuse(
            f"--save-weights: the file does not hold the weights of all layers{what}",
            "" if missing else "a file in which only the structure was saved has none",
        )
    found = counterparts(loads(text, max_layers=max_layers), loaded.network)
    renamed = under_our_names(found, arrays)
    if renamed is None:
        refuse("--save-weights: layers of the text have no counterpart in the model")
    return renamed


def under_our_names(found: Counterparts, arrays: ArraySource) -> ArraySource | None:
    """The model's weights under the network's names; None where a layer has no counterpart.

    A normalisation that the model has folded into a layer adds that layer's bias, if it has one,
    and no more.
    """
    nodes, paths = found.network.nodes, found.paths
    norms = {nodes[norm].path: nodes[norm] for norm in found.folded}
    layers = {nodes[layer].path: nodes[norm].path for norm, layer in found.folded.items()}
    names: dict[str, str] = {}
    numbers: dict[str, float] = {}
    for path, name in _arrays(found.network):
        theirs = paths.get(layers.get(path, path))
        if theirs is None:
            return None
        full = f"{path}.{name}"
        if path in norms and name != "bias":
            eps = float(str(norms[path].layer.argument("eps")))
            numbers[full] = {"weight": (1 + eps) ** 0.5, "running_var": 1.0}.get(name, 0.0)
        elif path in layers and name == "bias":
            numbers[full] = 0.0
        elif path in norms and f"{theirs}.{name}" not in arrays.headers:
            numbers[full] = 0.0  # every shift is 0
        else:
            names[full] = f"{theirs}.{name}"
    shapes = {f"{path}.{name}": shape for path, name, shape in _array_shapes(found.network)}
    repeated = {name: (shapes[name], number) for name, number in numbers.items()}
    return Renamed(arrays, names, repeated)


def some(names: Sequence[str]) -> str:
    """The first names, and how many others there are."""
    others = len(names) - 3
    more = f" and {others:,} others" if others > 0 else ""
    return f"{', '.join([printable(name) for name in names[:3]])}{more}"


def _array_shapes(network: Network) -> list[tuple[str, str, Shape]]:
    """The path of each layer with arrays, and the name and shape of each of its arrays."""
    return [
        (node.path, name, shape)
        for index, node in enumerate(network.nodes)
        for name, shape in array_shapes(network, index).items()
    ]


def _arrays(network: Network) -> list[tuple[str, str]]:
    return [(path, name) for path, name, _ in _array_shapes(network)]
