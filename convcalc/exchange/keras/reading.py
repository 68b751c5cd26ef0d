"""Reading such a model: its configuration, and which layers read which."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from convcalc.exchange.assembly import Assembly, network_name, path_of
from convcalc.exchange.axes import Adder, Value, channels_last, opaque
from convcalc.exchange.files import ModelFile
from convcalc.exchange.keras.archive import ArchiveError, extract, is_archive
from convcalc.exchange.keras.configs import Config, items_of
from convcalc.exchange.keras.layers import (
    ACTIVATIONS,
    LAYERS,
    OPERATIONS,
    named_activation,
)
from convcalc.exchange.model import Choices, Model
from convcalc.problems import ConvcalcError, printable
from convcalc.shapes import MOST_AXES, Shape, axis_name
from convcalc.spelling import did_you_mean

#: The most bytes of a configuration.
_LONGEST = 8 * 1024 * 1024
#: Models may be layers of each other this deep, and calls nest values this deep.
_DEEPEST, _DEEPEST_CALL = 40, 8
#: The longest name of a layer.
_LONGEST_NAME = 500
#: Classes that are models of layers.
_MODELS = ("Functional", "Model", "Sequential")
#: How many calls of layers a model may have for each layer that it may have.
_CALLS = 2


class Tensor(NamedTuple):
    """One of the values that a call of a layer returns."""

    layer: str
    call: int
    place: int


class Call(NamedTuple):
    """A call of a layer: the values that enter, and what else is given."""

    tensors: tuple[Tensor, ...]
    constants: tuple[object, ...]


#: The calls of a layer that none is written of, such as an input: one, without values.
_NEVER = (Call((), ()),)


class Described(NamedTuple):
    """A layer as a model's configuration describes it."""

    name: str
    kind: str
    module: str
    config: Mapping[str, Any]
    calls: tuple[Call, ...]


def read(file: ModelFile, choices: Choices) -> Model:
    """The network of a `.keras` archive or of a model's JSON.

    Raises ConvcalcError with status 2: bad-model where the file is damaged, unsupported-model at a
    layer that has no counterpart and no known shape, unknown-dimension where an input's size is
    open, and the code of the rule that is broken where sizes do not fit.
    """
    assembly = Assembly(file.name, choices)
    root = _configuration(file, assembly)
    return _Reader(assembly, root).read(network_name(file.path), file.path)


def _configuration(file: ModelFile, assembly: Assembly) -> Mapping[str, Any]:
    data = file.data
    try:
        if is_archive(data):
            text = extract(data, "config.json", _LONGEST)
        elif len(data) > _LONGEST:
            message = f"the model's JSON is longer than {_LONGEST} bytes"
            raise assembly.error("bad-model", message)
        else:
            text = bytes(data)
        root = json.loads(text)
    except ArchiveError as error:
        raise assembly.error("bad-model", f"the archive is damaged: {error}") from None
    except (ValueError, RecursionError) as error:
        message = f"not JSON: {printable(error)}"
        raise assembly.error("bad-model", message) from None
    if not isinstance(root, dict) or not isinstance(root.get("class_name"), str):
        raise assembly.error("bad-model", "the JSON describes no model of Keras")
    return root


class _Reader:
    """Adds the layers of a model, and of the models inside of it.

    calls  of layers, so far
    dims   the sizes that the file leaves open, by their names
    """

    def __init__(self, assembly: Assembly, root: Mapping[str, Any]) -> None:
        self.assembly = assembly
        self.root = root
        version = root.get("keras_version")
        self.old = isinstance(version, str) and version.startswith(("1", "2"))
        self.calls = 0
        #: The models inside, by the object that describes them and their names.
        self.models: dict[tuple[int, str], _Layers] = {}
        self.dims: dict[str, int] = {}

    def read(self, name: str, path: str) -> Model:
        kind = str(self.root["class_name"])
        if kind not in _MODELS:
            message = f"a model of the class '{printable(kind)}' has no layers that are read"
            raise self.wrong(message, "", "unsupported-model")
        model = _Layers(self, kind, self.root.get("config"), "")
        values = model.add({}, 0)
        outputs = {self.assembly.node(value.at).unit: value.at for value in values}
        return self.assembly.model(name, outputs, path)._replace(dims=self.dims)

    def wrong(self, message: str, name: str, code: str = "bad-model") -> ConvcalcError:
        return self.assembly.error(code, message, name)

    def input(self, name: str, layer: Described, last: bool) -> Value:
        """An input of the network, of the sizes that the file or the user says."""
        config = Config(layer.config, lambda message: self.wrong(message, name))
        key = "batch_shape" if config.has("batch_shape") else "batch_input_shape"
        if not config.has(key):
            raise self.wrong("the input has no shape", name)
        sizes = config.shape(key)[1:]
        if not 1 <= len(sizes) <= MOST_AXES:
            message = f"an input of {len(sizes)} axes beside the batch is not read"
            raise self.wrong(message, name, "unsupported-model")
        order = channels_last(len(sizes)) if last else tuple(range(len(sizes)))
        shape: list[int | None] = [None] * len(sizes)
        for size, axis in zip(sizes, order, strict=True):
            shape[axis] = size
        index = self.assembly.input(name, self.known(shape, name))
        return Value(index, order)

    def known(self, shape: Sequence[int | None], name: str) -> Shape:
        """The sizes of an input, those that the file leaves open by the user's word."""
        choices, known = self.assembly.choices, []
        given = choices.input.get(name) if isinstance(choices.input, Mapping) else choices.input
        for axis, written in enumerate(shape):
            called = axis_name(axis - 1, len(shape) - 1) if axis else "channels"
            is_open = written is None or written < 1
            size = choices.dims.get(called) if is_open else written
            if is_open and size is not None:
                self.dims[called] = size
            if size is None and given is not None:
                size = 1  # the user's sizes take its place
            if size is None:
                message = f"the {called} of the input '{printable(name)}' is open"
                help_text = f"--dim {called}=N says it, or --input all sizes"
                raise self.assembly.error("unknown-dimension", message, help_text=help_text)
            known.append(size)
        return tuple(known)

    def inside(self, layer: Described, prefix: str) -> _Layers:
        """The layers of a model that is a layer, which are read once."""
        key = id(layer.config), prefix
        if key not in self.models:
            self.models[key] = _Layers(self, layer.kind, layer.config, prefix)
        return self.models[key]

    def count(self, name: str) -> None:
        """Counts a call of a layer: models of models may multiply them."""
        self.calls += 1
        if self.calls > _CALLS * self.assembly.choices.max_layers:
            raise self.wrong("too many calls of layers", name, "too-many-layers")


class _Layers:
    """The layers of one model.

    prefix  the names of the models around it: "backbone/"
    """

    def __init__(self, reader: _Reader, kind: str, config: object, prefix: str) -> None:
        self.reader = reader
        self.prefix = prefix
        self.kind = kind
        self.values: dict[Tensor, Value] = {}
        self.nodes: dict[str, range] = {}
        if kind == "Sequential" and isinstance(config, list):
            config = {"layers": config}
        if not isinstance(config, dict) or not isinstance(config.get("layers"), list):
            raise reader.wrong("the model has no list of layers", prefix.rstrip("/"))
        if len(config["layers"]) > _CALLS * reader.assembly.choices.max_layers:
            raise reader.assembly.too_many(prefix.rstrip("/"))
        self.config: Mapping[str, Any] = config
        self.shapes: dict[Tensor, Sequence[object]] = {}
        described = [self.described(item, n) for n, item in enumerate(config["layers"])]
        if kind == "Sequential":
            described = self.chained(described)
        self.layers = {layer.name: layer for layer in described}
        if len(self.layers) < len(described):
            raise reader.wrong("two layers have one name", prefix.rstrip("/"))
        self.outputs = self.ends("output_layers", described)
        self.uses = Counter(self.outputs)
        for layer in described:
            for call in layer.calls:
                self.uses.update(call.tensors)
        #: Whether the channels are the last axis of values that no layer says it of.
        formats = [layer.config.get("data_format") for layer in described]
        self.last = "channels_first" not in formats or "channels_last" in formats

    def wrong(self, message: str, name: str, code: str = "bad-model") -> ConvcalcError:
        return self.reader.wrong(message, self.prefix + name, code)

    # What the configuration says.

    def described(self, item: object, number: int) -> Described:
        if not isinstance(item, dict):
            raise self.wrong(f"layer {number} of the list is none", "")
        kind, config, module = item.get("class_name"), item.get("config"), item.get("module")
        if not isinstance(kind, str) or not isinstance(config, dict | list):
            raise self.wrong(f"layer {number} of the list has no class or no configuration", "")
        inner = config if isinstance(config, dict) else {"layers": config}
        name = item.get("name") or inner.get("name") or f"{kind.lower()}_{number}"
        if not isinstance(name, str) or len(name) > _LONGEST_NAME:
            raise self.wrong(f"the name of layer {number} is no text, or too long", "")
        calls = tuple([self.call(call, name) for call in items_of(item.get("inbound_nodes"))])
        module = module if isinstance(module, str) else ""
        return Described(name, kind, module, inner, calls or _NEVER)

    def call(self, node: object, name: str) -> Call:
        tensors: list[Tensor] = []
        constants: list[object] = []
        if isinstance(node, dict):
            arguments = [items_of(node.get("args")), node.get("kwargs")]
            self.collect(arguments, tensors, constants, name, 0)
        else:
            self.collect_old(node, tensors, constants, name)
        return Call(tuple(tensors), tuple(constants))

    def collect(
        self,
        given: object,
        tensors: list[Tensor],
        constants: list[object],
        name: str,
        depth: int,
    ) -> None:
        """The values and the constants among the arguments of a call, in their order."""
        if depth > _DEEPEST_CALL:
            raise self.wrong("the arguments of a call are nested too deep", name)
        if isinstance(given, dict) and given.get("class_name") == "__keras_tensor__":
            inner = given.get("config")
            history = inner.get("keras_history") if isinstance(inner, dict) else None
            tensor = self.tensor(history, name)
            tensors.append(tensor)
            self.shapes.setdefault(tensor, items_of(inner.get("shape")) if inner else ())
        elif isinstance(given, dict):
            for value in given.values():
                self.collect(value, tensors, constants, name, depth + 1)
        elif isinstance(given, list):
            for value in given:
                self.collect(value, tensors, constants, name, depth + 1)
        elif given is not None:
            constants.append(given)

    def collect_old(
        self, node: object, tensors: list[Tensor], constants: list[object], name: str
    ) -> None:
        """The same before Keras 3: a list of [layer, call, place, further arguments]."""
        items = items_of(node)
        if items and not isinstance(items[0], list):
            items = [items]
        for item in items:
            if not isinstance(item, list) or len(item) < 3:
                raise self.wrong("a call of the layer is not written as one", name)
            if item[0] == "_CONSTANT_VALUE":
                constants.append(item[2])
                continue
            tensors.append(self.tensor(item[:3], name))
            further = item[3] if len(item) > 3 and isinstance(item[3], dict) else {}
            for key, value in further.items():
                if key in {"name", "training", "mask", "initial_state", "constants"}:
                    continue
                if isinstance(value, list) and len(value) == 3 and isinstance(value[0], str):
                    tensors.append(self.tensor(value, name))
                elif value is not None:
                    constants.append(value)

    def tensor(self, history: object, name: str) -> Tensor:
        items = items_of(history)
        if len(items) != 3 or not isinstance(items[0], str):
            raise self.wrong("a value that enters is not named", name)
        if not all(type(number) is int for number in items[1:]):
            raise self.wrong("a value that enters is not named", name)
        return Tensor(*items)

    def chained(self, described: Sequence[Described]) -> list[Described]:
        """The layers of a Sequential model, each of which reads the one before."""
        layers: list[Described] = []
        for layer in described:
            shape = layer.config.get("batch_input_shape") or layer.config.get("batch_shape")
            if not layers and layer.kind != "InputLayer":
                shape = shape or self.config.get("build_input_shape") or self.first_input(layer)
                config = {"batch_shape": shape}
                layers.append(Described("input", "InputLayer", "", config, _NEVER))
            before = (Tensor(layers[-1].name, 0, 0),) if layers else ()
            layers.append(layer._replace(calls=(Call(before, ()),)))
        return layers

    def first_input(self, layer: Described) -> object:
        """The shape that the model inside at the beginning of a Sequential one reads."""
        inner = items_of(layer.config.get("layers"))
        first = inner[0] if inner and isinstance(inner[0], dict) else {}
        config = first.get("config")
        if not isinstance(config, dict):
            return None
        return config.get("batch_shape") or config.get("batch_input_shape")

    def ends(self, key: str, described: Sequence[Described]) -> list[Tensor]:
        """The inputs or the outputs of the model, as it lists them."""
        if self.kind == "Sequential":
            return [Tensor(described[-1].name, 0, 0)] if described else []
        return list(self.listed(self.config.get(key), 0))

    def listed(self, given: object, depth: int) -> Iterator[Tensor]:
        if depth > _DEEPEST_CALL:
            raise self.wrong("the model's inputs or outputs are nested too deep", "")
        if isinstance(given, list) and given and isinstance(given[0], str):
            yield self.tensor(given[:3], "")
        elif isinstance(given, list | dict):
            for item in given if isinstance(given, list) else given.values():
                yield from self.listed(item, depth + 1)

    # Adding its layers.

    def add(self, given: Mapping[int, Value], depth: int) -> list[Value]:
        """The results of the model on these values; without any, of inputs of the network."""
        if depth > _DEEPEST:
            raise self.wrong(f"models are nested more than {_DEEPEST} deep", "")
        self.values = {}
        entering = self.entering(given)
        for layer, number in self.in_order():
            self.reader.count(self.prefix + layer.name)
            key = Tensor(layer.name, number, 0)
            if layer.kind == "InputLayer":
                if layer.name not in entering and given:
                    raise self.wrong("an input of the model is not given", layer.name)
                value = entering.get(layer.name)
                if value is None:
                    value = self.reader.input(layer.name, layer, self.last)
                self.values[key] = value._replace(single=False)
                continue
            values = [self.entered(tensor, layer) for tensor in layer.calls[number].tensors]
            first = self.reader.assembly.size
            for place, result in enumerate(self.layer(layer, number, values, depth)):
                self.values[key._replace(place=place)] = result
            made = range(first, self.reader.assembly.size)
            if number == 0:
                self.nodes[layer.name] = made
            elif self.nodes.get(layer.name):
                self.reader.assembly.share(made, self.nodes[layer.name], self.prefix + layer.name)
        for tensor in self.outputs:
            if tensor not in self.values:
                raise self.wrong(f"the model has no result '{printable(tensor.layer)}'", "")
        if not self.outputs:
            raise self.wrong("the model has no results", "")
        return [self.values[tensor] for tensor in self.outputs]

    def entering(self, given: Mapping[int, Value]) -> dict[str, Value]:
        """The values that enter, by the model's own inputs."""
        if not given:
            return {}
        names = [t.layer for t in self.ends("input_layers", list(self.layers.values()))]
        if self.kind == "Sequential":
            names = [layer.name for layer in self.layers.values() if layer.kind == "InputLayer"]
        if len(names) != len(given):
            raise self.wrong(f"the model takes {len(names)} values, not {len(given)}", "")
        return {name: given[n] for n, name in enumerate(names)}

    def in_order(self) -> Iterator[tuple[Described, int]]:
        """The calls of all layers, each after those whose values it reads."""
        waiting: dict[tuple[str, int], int] = {}
        readers: dict[tuple[str, int], list[tuple[str, int]]] = {}
        ready: list[tuple[str, int]] = []
        for layer in self.layers.values():
            for number, call in enumerate(layer.calls):
                key = (layer.name, number)
                sources = {(tensor.layer, tensor.call) for tensor in call.tensors}
                waiting[key] = len(sources)
                for source in sources:
                    readers.setdefault(source, []).append(key)
                if number and (layer.name, number - 1) not in sources:
                    # Calls of one layer stay in their order: the first has the parameters.
                    readers.setdefault((layer.name, number - 1), []).append(key)
                    waiting[key] += 1
                if not waiting[key]:
                    ready.append(key)
        ready.reverse()
        while ready:
            key = ready.pop()
            yield self.layers[key[0]], key[1]
            for reader in reversed(readers.get(key, [])):
                waiting[reader] -= 1
                if not waiting[reader]:
                    ready.append(reader)
            del waiting[key]
        if waiting:
            name, _ = next(iter(waiting))
            raise self.wrong("the layer reads a value that no layer before it computes", name)

    def entered(self, tensor: Tensor, layer: Described) -> Value:
        if tensor not in self.values:
            message = (
                f"it reads result {tensor.place} of '{printable(tensor.layer)}', which has none"
            )
            raise self.wrong(message, layer.name)
        return self.values[tensor]._replace(single=self.uses[tensor] == 1)

    def layer(
        self, layer: Described, number: int, values: Sequence[Value], depth: int
    ) -> Sequence[Value]:
        """The results of one call of a layer."""
        name = self.prefix + layer.name
        if layer.kind in _MODELS:
            inner = self.reader.inside(layer, f"{name}/")
            if not values:
                raise self.wrong("no value enters", layer.name)
            return inner.add(dict(enumerate(values)), depth + 1)
        add = Adder(self.reader.assembly, path_of(name), name, layer.kind, old=self.reader.old)
        config = Config(layer.config, add.mistake)
        call = layer.calls[number]
        if ".ops." in layer.module or layer.kind == "TFOpLambda":
            word = str(layer.config.get("function", layer.kind)).lower()
            word = word.removeprefix("tf.").removeprefix("math.").removeprefix("nn.")
            if word in ACTIVATIONS and len(values) == 1 and not call.constants:
                return [named_activation(add, values[0], word)]
            made = OPERATIONS.get(word)
            result = made(add, values, call.constants) if made else None
            if result is not None:
                return [result]
        elif layer.kind in LAYERS:
            if not values:
                raise self.wrong("no value enters", layer.name)
            return [LAYERS[layer.kind](add, values, config)]
        return [self.unknown(add, layer, number, values)]

    def unknown(self, add: Adder, layer: Described, number: int, values: Sequence[Value]) -> Value:
        """A layer without a rule, where the file says the shape of its result."""
        sizes = list(self.shapes.get(Tensor(layer.name, number, 0), ()))[1:]
        if not 1 <= len(sizes) <= MOST_AXES or not all(type(s) is int and s > 0 for s in sizes):
            message = f"a layer '{printable(layer.kind)}' is not read: its shape is not known"
            error = self.reader.assembly.error(
                "unsupported-model", message, add.name, help_text=did_you_mean(layer.kind, LAYERS)
            )
            raise error
        known = [int(str(size)) for size in sizes]
        return opaque(add, values, layer.kind, known)
