"""The weights that a run uses: those of a file, of the model itself, or made from a seed."""

from __future__ import annotations

from convcalc.cli.guard import refuse
from convcalc.cli.options import Loaded
from convcalc.exchange.against import Counterparts, counterparts
from convcalc.exchange.arrays import ArraySource
from convcalc.executor.files import open_arrays
from convcalc.executor.pairing import Renamed, paired
from convcalc.executor.weights import GivenWeights, RandomWeights, Weights, array_shapes
from convcalc.graph import Network
from convcalc.language.load import loads
from convcalc.problems import printable


def own_arrays(loaded: Loaded) -> ArraySource | None:
    """The weights in a model's file; None where it is no model, or holds not all of them."""
    if loaded.model is None or not loaded.model.tensors:
        return None
    tensors = loaded.model.tensors
    wanted = [f"{path}.{name}" for path, name in _arrays(loaded.network)]
    if any(name not in tensors for name in wanted):
        return None
    from convcalc.exchange.tensors import TensorArrays

    arrays = TensorArrays({name: tensors[name] for name in wanted})
    return arrays if arrays.complete else None


def weights_for(loaded: Loaded, weights: str | None, seed: int, *, pair: bool) -> Weights:
    """The weights of a run, as `--weights`, `--pair` and `--seed` have them.

    Without a file they are the model's own, or made from the seed.
    """
    if pair and weights is None:
        refuse("--pair goes with --weights", "--weights model.safetensors --pair")
    if weights is None:
        own = own_arrays(loaded)
        return RandomWeights(seed) if own is None else GivenWeights(own, loaded.network.name)
    arrays = open_arrays(weights)
    if pair:
        arrays = paired(loaded.network, arrays, printable(weights))
    return GivenWeights(arrays, printable(weights))


def renamed_arrays(loaded: Loaded, text: str, max_layers: int) -> Renamed:
    """A model's weights under the names that they have in its text."""
    arrays = own_arrays(loaded)
    if arrays is None:
        refuse(
            "--save-weights: the file does not hold the weights of all layers",
            "a file in which only the structure was saved has none",
        )
    found = counterparts(loads(text, max_layers=max_layers), loaded.network)
    renamed = under_our_names(found, arrays)
    if renamed is None:
        refuse("--save-weights: layers of the text have no counterpart in the model")
    return renamed


def under_our_names(found: Counterparts, arrays: ArraySource) -> Renamed | None:
    """The model's weights under the network's names; None where a layer has no counterpart."""
    paths = found.paths
    places = list(_arrays(found.network))
    if any(path not in paths for path, _ in places):
        return None
    return Renamed(arrays, {f"{path}.{name}": f"{paths[path]}.{name}" for path, name in places})


def _arrays(network: Network) -> list[tuple[str, str]]:
    """The path of each layer with arrays, and the name of each of its arrays."""
    return [
        (node.path, name)
        for index, node in enumerate(network.nodes)
        for name in array_shapes(network, index)
    ]
