"""The bridge for people who use PyTorch: a module, traced in their own environment.

>>> import convcalc.torch  # doctest: +SKIP
>>> network = convcalc.torch.network(model, torch.zeros(1, 3, 224, 224))  # doctest: +SKIP

PyTorch is theirs: convcalc does not depend on it, and imports it when a module is traced.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from convcalc.exchange.files import ModelFile
from convcalc.exchange.model import Choices, Model
from convcalc.exchange.onnx.aten import Call, Parameter, Ref, Traced, model_of
from convcalc.exchange.onnx.reader import read_model
from convcalc.graph import Network
from convcalc.language.building.evaluation import MOST_LAYERS
from convcalc.problems import ConvcalcError, printable, refused
from convcalc.shapes import cross_text

#: The most numbers of a constant that are handed on; larger ones are weights.
_MOST_NUMBERS = 400_000
#: Operators of whose input the shape matters and no number.
_SHAPES_ALONE = frozenset(
    (
        "empty_like",
        "full_like",
        "new_empty",
        "new_full",
        "new_ones",
        "new_zeros",
        "ones_like",
        "zeros_like",
    )
)


def network(module: Any, example: Any, name: str = "", *, max_layers: int = MOST_LAYERS) -> Network:
    """The network that a PyTorch module computes for an example of its input.

    module      a `torch.nn.Module`; it is traced by `torch.export` as it is in evaluation
    example     a tensor with the batch axis first, or a tuple or list of several; their values do
                not matter
    name        what the network is called; by default the module's class
    max_layers  the most layers that the network may have

    Operators without a rule become opaque layers. Raises ConvcalcError with status 2 where PyTorch
    is missing or cannot trace the module.
    """
    return trace(module, example, name, max_layers=max_layers).network


def trace(
    module: Any,
    example: Any,
    name: str = "",
    *,
    weights: bool = False,
    max_layers: int = MOST_LAYERS,
) -> Model:
    """The network of a module, with the names that the module gives its values.

    weights  whether the model holds the module's weights as well, in memory of its own

    The other arguments, and the errors, are those of `network`.
    """
    torch = _torch()
    name = name or type(module).__name__
    examples = tuple(example) if isinstance(example, tuple | list) else (example,)
    traced, data = _traced(torch, _exported(torch, module, examples, name), weights=weights)
    file = ModelFile("", data, name)
    return read_model(model_of(traced), file, Choices(max_layers=max_layers))


def module_named(target: str) -> Any:
    """The module that `package.module:name` stands for; a function or a class is called.

    Raises ConvcalcError with status 2 where there is no such name, or the call fails.
    """
    place, _, path = target.partition(":")
    try:
        found: Any = import_module(place)
        for part in path.split("."):
            found = getattr(found, part)
        module_class = _torch().nn.Module
        if not isinstance(found, module_class):
            found = found()
    except ConvcalcError:
        raise
    except Exception as error:  # noqa: BLE001 - the user's own code runs here
        reason = f"{type(error).__name__}: {printable(error, 300)}"
        message = f"{printable(target)} cannot be imported: {reason}"
        help_text = ""
        if isinstance(error, ModuleNotFoundError) and error.name == "torch":
            help_text = "install convcalc into the environment that has PyTorch, and run it there"
        elif isinstance(error, ModuleNotFoundError) and error.name == place.partition(".")[0]:
            help_text = f"run it where {printable(error.name)} can be imported: PYTHONPATH=FOLDER"
        raise refused("bad-option", message, help_text) from None
    if not isinstance(found, module_class):
        message = f"{printable(target)} is no torch.nn.Module, nor a function that returns one"
        raise refused("bad-option", message)
    return found


def example_of(shapes: Sequence[Sequence[int]]) -> tuple[Any, ...]:
    """Inputs of these shapes, with the batch axis; all numbers are 0."""
    torch = _torch()
    return tuple([torch.zeros(tuple(shape)) for shape in shapes])


def _torch() -> Any:
    try:
        return import_module("torch")
    except ImportError:
        raise refused(
            "unsupported-model",
            "PyTorch is not installed in this environment",
            "install it beside convcalc, or export the module as ONNX where it is installed",
        ) from None


def _exported(torch: Any, module: Any, examples: tuple[Any, ...], name: str) -> Any:
    """What `torch.export` makes of a module in evaluation; the module stays as it was."""
    training = module.training
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what recurrent layers do to their own attributes
            exported = torch.export.export(module.eval(), examples)
            # The same graph in which every value is written once; it takes longer than tracing.
            return exported.run_decompositions({}) if _overwrites(exported.graph) else exported
    except Exception as error:  # noqa: BLE001 - whatever PyTorch raises
        message = f"torch.export cannot trace {printable(name)}: {_first_line(error)}"
        tensors = [each for each in examples if isinstance(each, torch.Tensor)]
        given = [cross_text(tuple(each.shape)) for each in tensors]
        shapes = " and ".join(given)
        help_text = f"is the batch axis the first of {shapes}, as in 1x3x224x224?" if given else ""
        raise refused("unsupported-model", message, help_text) from None
    finally:
        module.train(training)


#: Operators that make a value of numbers, or of no more than a shape.
_CREATORS = _SHAPES_ALONE | {"arange", "empty", "full", "lift_fresh_copy", "ones", "zeros"}
#: Operators whose result shows a part of what they read, or all of it in another shape.
_VIEWS = frozenset(
    (
        *(
            "alias",
            "detach",
            "expand",
            "flatten",
            "narrow",
            "permute",
            "reshape",
            "select",
            "slice",
        ),
        *("split", "squeeze", "t", "transpose", "unbind", "unflatten", "unsqueeze", "view"),
    )
)


def _overwrites(graph: Any) -> bool:
    """Whether an operator changes in place a value that is read again, or shown by another."""
    places = {node: place for place, node in enumerate(graph.nodes)}
    for node, place in places.items():
        operator = _operator(node)
        if not operator.endswith("_") or operator.startswith("_") or not node.args:
            continue
        seen = node.args[0]
        read = False
        while getattr(seen, "op", "") == "call_function":
            read = read or any(places[user] > place for user in seen.users)
            if _operator(seen) not in _VIEWS:
                break
            seen = seen.args[0]
        # What no input decides is computed by PyTorch, in order.
        if read and _operator(seen) not in _CREATORS:
            return True
    return False


def _operator(node: Any) -> str:
    """The operator that a node calls, without its namespace and overload."""
    return str(node.target).removeprefix("aten.").partition(".")[0]


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return printable(lines[0] if lines else type(error).__name__, 300)


def _traced(torch: Any, exported: Any, *, weights: bool) -> tuple[Traced, bytes]:
    """The graph, and the bytes of the weights."""
    signature = exported.graph_signature
    learned = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    lifted = dict(signature.inputs_to_lifted_tensor_constants)
    stored = {**exported.state_dict, **exported.constants}
    reader = _GraphReader(torch, learned, lifted, stored)
    for node in exported.graph.nodes:
        reader.read(node)
    traced = reader.traced()
    return reader.with_weights(traced) if weights else (traced, b"")


class _GraphReader:
    """Takes a traced graph apart.

    names   the module's own names of parameters and buffers, by their values' names
    lifted  those of tensors that its code writes, such as a number that fills a part of a mask
    stored  their tensors, by these names
    """

    def __init__(
        self,
        torch: Any,
        names: Mapping[str, str],
        lifted: Mapping[str, str],
        stored: Mapping[str, Any],
    ) -> None:
        self._torch = torch
        self._names = {**names, **lifted}
        self._lifted = lifted
        self._stored = stored
        self._inputs: dict[str, tuple[int, ...]] = {}
        self._parameters: dict[str, Parameter] = {}
        self._constants: dict[str, tuple[tuple[int, ...], list[Any]]] = {}
        self._calls: list[Call] = []
        self._outputs: list[str] = []
        #: Values that neither an input nor a parameter decides, as PyTorch computes them.
        self._known: dict[str, Any] = {}
        #: Operators that write into such a value what is not known.
        self._overwritten: list[str] = []
        #: What a result of a call with several is called.
        self._aliases: dict[str, str] = {}

    def traced(self) -> Traced:
        """The whole graph."""
        used = {ref.name for call in self._calls for ref in _refs((call.args, call.named))}
        used.update(self._outputs)
        for name in used & self._known.keys():
            self._write_constant(name, self._known[name])
        parameters = {name: each for name, each in self._parameters.items() if name in used}
        return Traced(self._inputs, parameters, self._constants, self._calls, self._outputs)

    def with_weights(self, traced: Traced) -> tuple[Traced, bytes]:
        """The graph with the places of its parameters' numbers, and their bytes.

        Raises ConvcalcError where the numbers of a constant depend on the input.
        """
        if self._overwritten:
            message = f"{self._overwritten[0]} writes into a constant what depends on the input"
            raise refused("unsupported-model", message)
        pieces: list[bytes] = []
        parameters = {}
        at = 0
        for value, parameter in traced.parameters.items():
            tensor = self._stored.get(parameter.name, self._known.get(parameter.name))
            if tensor is not None:
                dtype = self._torch.int64 if parameter.whole else self._torch.float32
                numbers = tensor.detach().to("cpu", dtype).contiguous().numpy()
                pieces.append(numbers.tobytes())
                parameters[value] = parameter._replace(extent=(at, at + len(pieces[-1])))
                at += len(pieces[-1])
            else:
                parameters[value] = parameter
        return traced._replace(parameters=parameters), b"".join(pieces)

    def read(self, node: Any) -> None:
        """One node of the graph, after those that it reads."""
        if node.op == "placeholder":
            self._placeholder(node)
        elif node.op == "output":
            for value in _flat(node.args):
                if isinstance(value, self._torch.fx.Node):
                    self._outputs.append(self._name(value))
        elif node.op == "call_function":
            self._call(node)

    def _placeholder(self, node: Any) -> None:
        full_name = self._names.get(node.name)
        if full_name is None:
            if isinstance(node.meta.get("val"), self._torch.Tensor):
                self._inputs[node.name] = tuple(node.meta["val"].shape)
            return
        tensor = self._stored.get(full_name)
        shape = tuple(node.meta["val"].shape)
        learned = isinstance(tensor, self._torch.nn.Parameter)
        written = node.name in self._lifted or (
            tensor is not None and not tensor.is_floating_point()
        )
        if not learned and tensor is not None and written:
            # A copy: what is computed of it may be written in place.
            self._known[node.name] = tensor.clone()
            return
        self._parameters[node.name] = Parameter(full_name, shape, fixed=not learned)

    def _call(self, node: Any) -> None:
        target = str(node.target)
        if "getitem" in target:
            source, index = node.args
            name = self._name(source)
            self._aliases[node.name] = name if index == 0 else f"{name}:{index}"
            return
        if self._computed(node):
            return
        if not target.startswith("aten."):
            target = f"{target}.default"
        values = node.meta.get("val")
        results = values if isinstance(values, tuple | list) else [values]
        shapes = tuple([tuple(v.shape) for v in results if isinstance(v, self._torch.Tensor)])
        if not shapes:
            return
        args = tuple([self._argument(given) for given in node.args])
        named = {name: self._argument(given) for name, given in node.kwargs.items()}
        operator = target.removeprefix("aten.")
        self._calls.append(Call(operator, node.name, args, named, shapes, _scope(node)))

    def _computed(self, node: Any) -> bool:
        """Computes a value that no input and no parameter decides; False for any other."""
        fx_node = self._torch.fx.Node
        reads = [given for given in _flat((node.args, node.kwargs)) if isinstance(given, fx_node)]
        operator = _operator(node)
        if operator not in _SHAPES_ALONE and any(each.name not in self._known for each in reads):
            if operator.endswith("_") and reads and reads[0].name in self._known:
                self._overwritten.append(f"{node.target} ({node.name})")
            return False
        if not isinstance(node.meta.get("val"), self._torch.Tensor):
            return False

        def known(given: Any) -> Any:
            if given.name in self._known:
                return self._known[given.name]
            return self._torch.zeros(tuple(given.meta["val"].shape))

        args = self._torch.fx.node.map_arg(node.args, known)
        named = self._torch.fx.node.map_arg(node.kwargs, known)
        try:
            self._known[node.name] = node.target(*args, **named)
        except Exception:  # noqa: BLE001 - then it is read like any other
            return False
        return True

    def _write_constant(self, name: str, tensor: Any) -> None:
        shape = tuple(tensor.shape)
        if tensor.numel() > _MOST_NUMBERS or (tensor.is_floating_point() and tensor.numel() > 64):
            whole = not tensor.is_floating_point()
            self._parameters[name] = Parameter(name, shape, whole, fixed=True)
        else:
            self._constants[name] = (shape, tensor.reshape(-1).tolist())

    def _name(self, node: Any) -> str:
        name: str = node.name
        return self._aliases.get(name, name)

    def _argument(self, given: Any) -> Any:
        if isinstance(given, self._torch.fx.Node):
            return Ref(self._name(given))
        if isinstance(given, tuple | list):
            return [self._argument(each) for each in given]
        if given is None or isinstance(given, bool | int | float | str):
            return given
        return str(given)


def _flat(given: Any) -> list[Any]:
    """What is inside of lists, tuples and mappings."""
    if isinstance(given, Mapping):
        return _flat(list(given.values()))
    if isinstance(given, list | tuple) and not isinstance(given, Ref):
        return [inner for each in given for inner in _flat(each)]
    return [given]


def _refs(given: Any) -> list[Ref]:
    return [each for each in _flat(given) if isinstance(each, Ref)]


def _scope(node: Any) -> tuple[str, ...]:
    """The names of the modules around a node, each with those around it: `layer1`, `layer1.0`."""
    stack = node.meta.get("nn_module_stack") or {}
    return tuple([path for path, _ in stack.values() if path])
