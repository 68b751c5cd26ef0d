"""From a file's nodes to operations on values with shapes.

Goes through the nodes once, in order. What does not depend on the network's inputs is computed on
the way, so that shapes are numbers when an operation asks for them; functions and the chosen
branches of conditions are put in the place of their calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import accumulate
from math import prod

from convcalc.exchange.onnx.axes import slices_of, split_sizes
from convcalc.exchange.onnx.folding import Known, fold
from convcalc.exchange.onnx.places import Places
from convcalc.exchange.onnx.quantized import STORING, as_real
from convcalc.exchange.onnx.shapes import RULES, result_type
from convcalc.exchange.onnx.values import (
    ELEMENT_TYPES,
    FLOAT,
    FLOATS,
    INT64,
    MOST_KNOWN,
    MOST_KNOWN_FLOATS,
    Constant,
    Number,
    Op,
    Value,
)
from convcalc.exchange.onnx.wire import (
    Attribute,
    Function,
    Graph,
    Model,
    Node,
    Tensor,
    ValueInfo,
    WireReader,
)
from convcalc.problems import ConvcalcError, listed, printable, refused
from convcalc.shapes import LARGEST_SIZE, Shape

#: The most operations that calls of functions and branches become.
_MOST_OPS = 200_000
#: The most calls of functions, and branches, inside of each other.
_MOST_NESTED = 32
#: The most numbers that enter all operations that are computed beforehand.
_MOST_COMPUTED = 2_000_000
#: The domains of the standard operations.
STANDARD = ("", "ai.onnx")

Scope = dict[str, Value]


class Inferred:
    """The operations of a file in order, with the shape of every value.

    inputs   the network's inputs
    outputs  its results, by their names
    batch    the axis of each input that is the batch, by its name; -1 where none is
    dims     the named sizes, with the numbers that were used
    """

    def __init__(self) -> None:
        self.inputs: list[Value] = []
        self.ops: list[Op] = []
        self.outputs: dict[str, Value] = {}
        self.batch: dict[str, int] = {}
        self.dims: dict[str, int] = {}


class Inference:
    """Reads one model.

    places   where the numbers of constants lie
    dims     the sizes of named dimensions
    shapes   the shapes of inputs, without the batch, that are not to be the file's
    outputs  the values at which the network ends, by the names that the user gave them; those of
             the file where there are none
    """

    def __init__(
        self,
        reader: WireReader,
        places: Places,
        model: Model,
        dims: Mapping[str, int],
        shapes: Mapping[str, Shape],
        outputs: Mapping[str, str],
    ) -> None:
        if model.graph is None:
            raise refused("bad-model", f"{printable(reader.name, 200)} has no graph: no ONNX file")
        self._reader = reader
        self._places = places
        self._graph: Graph = model.graph
        self._dims = dict(dims)
        self._shapes = shapes
        self._wanted = outputs
        self._functions = {(each.domain, each.name): each for each in model.functions}
        self._opsets = model.opsets
        self._version = max([model.opsets.get(domain, 0) for domain in STANDARD])
        self._hints: dict[str, ValueInfo] | None = None
        self._read: set[str] | None = None
        #: How many functions are being put in the places of their calls: names in them are others.
        self._calling = 0
        #: What may be the name of the batch.
        self._first_dims = {info.dims[0] for info in self._graph.inputs if info.dims}
        self._result = Inferred()
        self._inlined = 0
        self._work = _MOST_COMPUTED
        self._copied: set[int] = set()
        self._fixed = 1
        #: Whether weights are written as Constant nodes: where the file has them nowhere else.
        self._literal_weights = not any(
            [each.type in FLOATS and prod(each.dims) > 1 for each in self._graph.initializers]
        )

    def run(self) -> Inferred:
        """The operations that the results need; raises ConvcalcError."""
        graph, result = self._graph, self._result
        scope: Scope = {}
        for tensor in graph.initializers:
            scope[tensor.name] = self._initializer(tensor)
        self._add_inputs(graph, scope)
        nodes = ordered(graph.nodes, scope)
        names = self._output_names()
        self._nodes(needed(nodes, names.values()), scope, 0)
        for name, value in names.items():
            result.outputs[name] = self._lookup(value, scope, "the results")
        return result

    # Inputs and results.

    def _initializer(self, tensor: Tensor) -> Constant:
        return Constant(
            tensor.name,
            tensor.dims,
            tensor.type,
            None,
            tensor,
            partial(self._places.numbers, self._reader, tensor, prod(tensor.dims)),
        )

    def _add_inputs(self, graph: Graph, scope: Scope) -> None:
        infos = [info for info in graph.inputs if info.name not in scope]
        batch = self._batch_names(infos)
        missing: dict[str, str] = {}
        for info in infos:
            shown = printable(info.name)
            given = self._shapes.get(info.name)
            if given is None and len(infos) == 1:
                given = self._shapes.get("")
            if info.dims is None and given is None:
                raise refused(
                    "unsupported-model",
                    f"the file does not say what shape the input '{shown}' has",
                )
            dims = info.dims if info.dims is not None else (1, *(given or ()))
            if given is not None:
                if len(given) == len(dims) - 1:
                    dims = (1, *given)
                elif len(given) == len(dims):
                    dims = given
                else:
                    raise refused(
                        "bad-input",
                        f"'{shown}' has {len(dims)} axes with the batch, not {list(given)}",
                    )
            if given is None and _is_batch(dims):
                # A batch of a fixed size: one sample is read, and sizes in the graph that name it.
                self._fixed = dims[0] if isinstance(dims[0], int) else 1
                dims = (1, *dims[1:])
            sizes = []
            for axis, dim in enumerate(dims):
                size = self._size(info, axis, dim, batch)
                if isinstance(size, str):
                    missing.setdefault(size, f"axis {axis} of the input '{shown}'")
                    size = 1
                elif not 1 <= size <= LARGEST_SIZE:
                    raise refused("bad-model", f"a size of {size} in the input '{shown}'")
                sizes.append(size)
            value = Value(info.name, tuple(sizes), info.type or FLOAT)
            scope[info.name] = value
            self._result.inputs.append(value)
            self._result.batch[info.name] = self._batch_axis(dims, batch)
        if missing:
            names = [printable(name) for name in missing]
            texts = [f"'{printable(name)}', {place}" for name, place in missing.items()]
            options = " ".join([f"--dim {name}=N" for name in names[:4]])
            raise refused(
                "unknown-dimension",
                f"the file gives no number for {listed(texts)}",
                f"say it with {options}",
            )

    def _batch_names(self, infos: Iterable[ValueInfo]) -> set[str]:
        """The names of the sizes that stand for the batch: first axes that are not numbers."""
        return {
            info.dims[0]
            for info in infos
            if info.dims
            and len(info.dims) > 1
            and isinstance(info.dims[0], str)
            and info.dims[0] not in self._dims
        }

    def _batch_axis(self, dims: Sequence[int | str | None], batch: set[str]) -> int:
        """The axis of an input that is the batch; -1 where none is."""
        for axis, dim in enumerate(dims):
            if isinstance(dim, str) and dim in batch:
                return axis
        return 0 if len(dims) > 1 and (dims[0] in (None, 1, -1)) else -1

    def _size(
        self, info: ValueInfo, axis: int, dim: int | str | None, batch: set[str]
    ) -> int | str:
        """The number of a size; the name by which to ask for it where there is none."""
        if isinstance(dim, str) and dim != "?":
            if dim not in self._dims and dim not in batch:
                return dim
            size = self._result.dims[dim] = self._dims.get(dim, 1)
            return size
        if isinstance(dim, int) and dim > 0:
            return dim
        name = f"{info.name}.{axis}"
        if name in self._dims:
            self._result.dims[name] = self._dims[name]
            return self._dims[name]
        return 1 if axis == 0 and len(info.dims or ()) > 1 else name

    def _output_names(self) -> dict[str, str]:
        """The values that are the results, by the names of the results."""
        if not self._wanted:
            if not self._graph.outputs:
                raise refused("bad-model", "the file has no results")
            return {info.name: info.name for info in self._graph.outputs}
        return dict(self._wanted)

    # Nodes.

    def _lookup(self, name: str, scope: Scope, where: str) -> Value:
        value = scope.get(name)
        if value is None:
            raise refused("bad-model", f"{where}: nothing computes '{printable(name)}'")
        return value

    def _nodes(self, nodes: Iterable[Node], scope: Scope, depth: int) -> None:
        for node in nodes:
            self._inlined += 1
            if self._inlined > _MOST_OPS:
                raise refused("bad-model", f"its functions become more than {_MOST_OPS:,} nodes")
            self._node(node, scope, depth)

    def _node(self, node: Node, scope: Scope, depth: int) -> None:
        inputs: list[Value | None] = []
        for name in node.inputs:
            value = scope.get(name) if name else None
            if value is None and name:
                self._lookup(name, scope, f"{printable(node.name or node.op)}: {node.op}")
            inputs.append(value)
        function = self._functions.get((node.domain, node.op)) if self._functions else None
        if function is not None:
            self._call(function, node, inputs, scope, depth)
            return
        kind = node.op
        if node.domain not in STANDARD:
            kind = f"{node.domain}:{node.op}"
            kind = _KNOWN_DOMAINS.get(kind, kind)
        op = Op(
            kind,
            node.name,
            inputs,
            node.attributes,
            self._version,
            node.scopes,
        )
        op.batch = self._fixed
        as_real(op)
        if op.type == "If" and self._condition(op, scope, depth, node):
            return
        constant = bool(inputs) and all(
            [value is None or isinstance(value, Constant) for value in op.inputs]
        )
        made = self._written(op, node)
        if made is None:
            made = self._constant(op, node) if constant else self._alias(op)
        if made is None:
            made = self._computed(op, node, constant)
        for name, value in zip(node.outputs, made, strict=False):
            if name:
                scope[name] = value

    def _computed(self, op: Op, node: Node, constant: bool) -> list[Value]:
        """The results of an operation that is kept: with shapes, and without numbers.

        constant  whether it is computed from weights before the network runs
        """
        # Rules ask how many results there are.
        op.outputs = [Value(name, (), FLOAT) for name in node.outputs]
        shapes = self._result_shapes(op, node)
        dtype = result_type(op)
        for shape in shapes:
            if len(shape) > 32 or any([not 0 <= size <= LARGEST_SIZE for size in shape]):
                raise op.refuse("bad-model", f"a result of shape {printable(list(shape), 100)}")
        pairs = zip(node.outputs, shapes, strict=False)
        if constant:
            constants = [_derived(name, shape, dtype, op, self._copied) for name, shape in pairs]
            op.outputs = [*constants]
            for which, one in enumerate(constants):
                one.made = op, which
            return [*constants]
        op.outputs = [Value(name, shape, dtype, op) for name, shape in pairs]
        self._result.ops.append(op)
        return op.outputs

    def _result_shapes(self, op: Op, node: Node) -> list[Shape]:
        """The shapes of an operation's results: by its rule, or else as the file states them."""
        rule = RULES.get(op.type)
        if rule is not None:
            try:
                return rule(op)
            except ConvcalcError as error:
                if error.problems[0].code != "unsupported-model":
                    raise
                missing = error
        else:
            help_text = "--outputs NAME ends the network before it"
            for value in op.inputs:
                if value is not None and not isinstance(value, Constant):
                    name = printable(value.name)
                    help_text = f"--outputs {name} ends the network at a value that it reads"
            reason = "it has no rule, and the file does not say what shape its result has"
            missing = op.refuse("unsupported-model", reason, help_text)
        shapes = []
        for name in node.outputs:
            shape = self._stated(op, name)
            if shape is None:
                raise missing
            shapes.append(shape)
        return shapes

    def _stated(self, op: Op, name: str) -> Shape | None:
        """The shape that the file states of a result; of one that nobody reads, any."""
        hints, read = self._hints, self._read
        if hints is None or read is None:
            infos = [
                value if isinstance(value, ValueInfo) else self._reader.value_info(value)
                for value in self._graph.values
            ]
            hints = self._hints = {info.name: info for info in [*infos, *self._graph.outputs]}
            read = self._read = captured(self._graph) | {*self._wanted.values()}
        if name not in read and not self._calling:
            return ()
        info = hints.get(name) if not self._calling else None
        if info is None or info.dims is None:
            return None
        sizes = []
        for axis, dim in enumerate(info.dims):
            size = self._stated_size(dim)
            if size is None and isinstance(dim, str):
                shown = printable(dim)
                raise op.refuse(
                    "unknown-dimension",
                    f"the file gives no number for '{shown}', axis {axis} of its result",
                    f"say it with --dim {shown}=N",
                )
            if size is None:
                return None
            sizes.append(size)
        return tuple(sizes)

    def _stated_size(self, dim: int | str | None) -> int | None:
        """The number of a size that the file states; None where it has a name that has none."""
        if isinstance(dim, str):
            if dim in self._dims:
                self._result.dims[dim] = self._dims[dim]
                return self._dims[dim]
            return 1 if dim in self._first_dims else None
        return dim if dim is not None and dim > 0 else None

    # What is known before the network runs.

    def _written(self, op: Op, node: Node) -> list[Value] | None:
        """The results of an operation that needs no more than its attributes and shapes."""
        kind = op.type
        name = node.outputs[0] if node.outputs else ""
        if kind == "Constant":
            return [self._literal(op, name)]
        if kind == "Shape":
            sizes = op.x.shape[op.whole("start", 0) : op.whole("end", len(op.x.shape))]
            return [Constant(name, (len(sizes),), INT64, list(sizes))]
        if kind == "Size":
            return [Constant(name, (), INT64, [prod(op.x.shape)])]
        if kind == "ConstantOfShape":
            return [self._filled(op, name)]
        return None

    def _constant(self, op: Op, node: Node) -> list[Value] | None:
        """The results of an operation whose inputs are all constants, where they are known."""
        constants = [value if isinstance(value, Constant) else None for value in op.inputs]
        moved = self._moved(op, constants, node.outputs)
        return moved if moved is not None else self._folded(op, constants, node)

    def _literal(self, op: Op, name: str) -> Constant:
        """The value of a Constant node."""
        for key, value in op.attributes.items():
            if key == "value" and isinstance(value, Tensor):
                constant = self._initializer(value)
                constant.name = value.name = name
                constant.written = self._literal_weights and constant.elements > 1
                return constant
            if key in ("value_float", "value_int") and isinstance(value, int | float):
                return Constant(name, (), FLOAT if key == "value_float" else INT64, [value])
            if key in ("value_floats", "value_ints") and isinstance(value, list):
                numbers: list[Number] = [item for item in value if isinstance(item, int | float)]
                dtype = FLOAT if key == "value_floats" else INT64
                return Constant(name, (len(numbers),), dtype, numbers)
        raise op.refuse("unsupported-model", "it has no value that can be read")

    def _filled(self, op: Op, name: str) -> Constant:
        """One number repeated."""
        sizes = op.constant_ints(0) or []
        if any(not 0 <= size <= LARGEST_SIZE for size in sizes) or len(sizes) > 32:
            raise op.refuse("bad-model", f"a constant of shape {printable(sizes[:10])}")
        shape = tuple(sizes)
        dtype = FLOAT
        number: list[Number] = [0]
        value = op.attributes.get("value")
        if isinstance(value, Tensor):
            dtype = value.type
            number = self._places.numbers(self._reader, value, 1) or [0]
        if prod(shape) > (MOST_KNOWN_FLOATS if dtype in FLOATS else MOST_KNOWN):
            constant = Constant(name, shape, dtype)
            repeated = Op("ConstantOfShape", op.node, [], {"number": number[0]}, op.version)
            repeated.outputs = [constant]
            constant.made = repeated, 0
            return constant
        return Constant(name, shape, dtype, number * prod(shape))

    def _moved(
        self, op: Op, constants: Sequence[Constant | None], names: Sequence[str]
    ) -> list[Value] | None:
        """A weight that is only cut, or put into another shape or order: the same tensor."""
        name = names[0] if names else ""
        weight = constants[0]
        if weight is not None and op.type in STORING:
            # Its numbers are those that are stored, in their type.
            stored = weight.copy(name)
            stored.dtype = FLOAT if op.type == "DequantizeLinear" else weight.dtype
            stored.moved, stored.made = (), (op, 0)
            op.outputs = [stored]
            return [stored]
        if weight is None or not is_weight(weight):
            return None
        if op.type in ("Identity", "Dropout") or (
            op.type == "Cast" and op.whole("to", 1) in FLOATS
        ):
            self._copied.add(id(weight.tensor))
            return [weight.copy(name)]
        if op.type == "Transpose":
            op.outputs = []
            constant = weight.copy(name)
            (constant.shape,) = RULES["Transpose"](op)
            order = op.ints("perm") or [*range(len(weight.shape))][::-1]
            constant.moved = (*weight.moved, ("transpose", tuple(order)))
            return [constant]
        if op.type in ("Slice", "Split"):
            return self._cut(op, weight, names)
        if op.type in ("Reshape", "Squeeze", "Unsqueeze", "Flatten"):
            constant = weight.copy(name)
            (constant.shape,) = RULES[op.type](op)
            constant.moved = (*weight.moved, ("reshape", constant.shape))
            return [constant]
        return None

    def _cut(self, op: Op, weight: Constant, names: Sequence[str]) -> list[Value] | None:
        """Parts of a weight: each is where it was, and counts what it takes of it."""
        op.outputs = [Value(name, (), FLOAT) for name in names]
        if op.type == "Split":
            axis, sizes = split_sizes(op, weight.shape)
            ends = [*accumulate(sizes)]
            parts = [{axis: range(end - size, end)} for size, end in zip(sizes, ends, strict=True)]
        else:
            parts = [slices_of(op, weight.shape)]
        found: list[Value] = []
        for name, taken in zip(names, parts, strict=True):
            part = weight.copy(name)
            part.sources = weight.sources or (weight,)
            sizes = list(weight.shape)
            for axis, places in taken.items():
                if places.step != 1 or not places:
                    return None
                sizes[axis] = len(places)
                part.moved = (*part.moved, ("slice", (axis, places.start, places.stop)))
            part.forget(tuple(sizes))
            found.append(part)
        return found

    def _folded(
        self, op: Op, constants: Sequence[Constant | None], node: Node
    ) -> list[Value] | None:
        """What the operation makes of numbers that are known."""
        if any([value is not None and is_weight(value) for value in constants]):
            return None
        known: list[Known | None] = []
        for value in constants:
            if value is None:
                known.append(None)
                continue
            # Not read where there is no work left for them.
            numbers = value.numbers() if value.elements <= self._work else None
            if numbers is None:
                return None
            self._work -= len(numbers)
            known.append((value.shape, numbers))
        if op.type in ("Identity", "Cast", "CastLike", "Dropout"):
            results = _cast(op, known)
        else:
            op.outputs = [Value(name, (), FLOAT) for name in node.outputs]
            results = fold(op, known)
        if results is None:
            return None
        dtype = result_type(op)
        return [
            Constant(name, shape, dtype, numbers)
            for name, (shape, numbers) in zip(node.outputs, results, strict=False)
        ]

    def _alias(self, op: Op) -> list[Value] | None:
        """The input itself, of an operation that changes nothing at inference."""
        if op.type not in _ALIASES or isinstance(op.x, Constant):
            return None
        if op.type == "Cast":
            kept = op.x.dtype == op.whole("to", 1) or op.whole("to", 1) in FLOATS
            return [op.x] if kept else None
        if op.type == "DynamicQuantizeLinear":
            # Scale and zero point are not known before the network runs.
            return [op.x, Constant("scale", (), FLOAT), Constant("zero_point", (), 2)]
        return [op.x, op.x]

    # Functions and conditions.

    def _call(
        self,
        function: Function,
        node: Node,
        inputs: Sequence[Value | None],
        scope: Scope,
        depth: int,
    ) -> None:
        """Puts a function's nodes in the place of a node that calls it."""
        if depth >= _MOST_NESTED:
            raise refused(
                "bad-model", f"{printable(node.name)}: functions call each other endlessly"
            )
        inner: Scope = {}
        for name, value in zip(function.inputs, inputs, strict=False):
            if value is not None:
                inner[name] = value
        given: dict[str, Attribute] = {**function.defaults, **node.attributes}
        nodes = [_bound(each, given, node.name, inner) for each in function.nodes]
        self._calling += 1
        self._nodes(nodes, inner, depth + 1)
        self._calling -= 1
        for name, formal in zip(node.outputs, function.outputs, strict=False):
            if name:
                scope[name] = self._lookup(formal, inner, printable(node.name))

    def _condition(self, op: Op, scope: Scope, depth: int, node: Node) -> bool:
        """Puts the branch of an If in its place, where it is known which one is taken."""
        condition = op.x.number() if isinstance(op.x, Constant) else None
        if condition is None:
            return False
        branch = op.attributes.get("then_branch" if condition else "else_branch")
        if not isinstance(branch, Graph) or depth >= _MOST_NESTED:
            raise op.refuse("bad-model", "it has no such branch, or is nested too deeply")
        inner = dict(scope)
        for tensor in branch.initializers:
            inner[tensor.name] = self._initializer(tensor)
        self._nodes(ordered(branch.nodes, inner), inner, depth + 1)
        for name, info in zip(node.outputs, branch.outputs, strict=False):
            if name:
                scope[name] = self._lookup(info.name, inner, printable(node.name))
        return True


#: Operations that may give their input as it is.
_ALIASES = frozenset(("Cast", "Identity", "Dropout", *STORING))
#: Operations of other domains that are the standard ones.
_KNOWN_DOMAINS = {
    "com.microsoft:Gelu": "Gelu",
    "com.microsoft:FusedConv": "FusedConv",
    "com.microsoft:QuickGelu": "QuickGelu",
    "com.microsoft:BiasGelu": "BiasGelu",
    "com.microsoft:FastGelu": "FastGelu",
}


def _is_batch(dims: Sequence[int | str | None]) -> bool:
    """Whether the first axis of an input is a batch of several pictures.

    >>> _is_batch((8, 3, 224, 224)), _is_batch((3, 16, 112, 112)), _is_batch((3, 224, 224))
    (True, False, False)
    """
    if len(dims) != 4 or not isinstance(dims[0], int) or dims[0] < 2:
        return False
    return dims[1] in (1, 3) or dims[3] in (1, 3)


def is_weight(value: Constant) -> bool:
    """Whether a constant may be one of the network's weights.

    Weights have fractions, or are quantized, and are written in the file; a single number is a
    weight only if its name says so.
    """
    if not value.written or (value.dtype not in FLOATS and value.dtype not in (2, 3, 21, 22)):
        return False
    return value.elements > 1 or named_by_module(value.name) or bool(value.sources)


def named_by_module(name: str) -> bool:
    """Whether a name is that of a module's parameter, and not one that an exporter made up."""
    return "." in name and not name.startswith(("onnx::", "/", "_")) and ":" not in name


def _derived(name: str, shape: Shape, dtype: int, op: Op, copied: set[int]) -> Constant:
    """A constant that an operation computes of others; a weight if one of them is.

    What a dense layer reads is no weight if no module has a name for it, or if other layers have
    copies of it: tables of coordinates are equal, and weights are not.
    """
    constant = Constant(name, shape, dtype)
    constants = [value for value in op.inputs if isinstance(value, Constant)]
    if op.type == "MatMul" and not constants[0].sources:
        table = constants[0]
        if not named_by_module(table.name) or id(table.tensor) in copied:
            constants = constants[1:]
    weights = [value for value in constants if is_weight(value)]
    constant.written = bool(weights)
    sources = [source for value in weights for source in value.sources or (value,)]
    constant.sources = tuple({id(source): source for source in sources}.values())
    return constant


def _cast(op: Op, known: Sequence[Known | None]) -> list[Known] | None:
    item = known[0]
    if item is None:
        return None
    shape, numbers = item
    if op.type in ("Identity", "Dropout"):
        return [item]
    kind = op.whole("to", 1) if op.type == "Cast" else op.input(1).dtype
    name = ELEMENT_TYPES.get(kind, ("", 0, ""))[0]
    try:
        if name == "bool":
            return [(shape, [int(bool(number)) for number in numbers])]
        if kind in FLOATS or name == "float64":
            return [(shape, [float(number) for number in numbers])]
        return [(shape, [int(number) for number in numbers])]
    except (OverflowError, ValueError):
        return None


def _bound(node: Node, given: Mapping[str, Attribute], caller: str, inner: Scope) -> Node:
    """A function's node with the attributes of the call."""
    bound = Node()
    bound.op, bound.domain, bound.scopes = node.op, node.domain, node.scopes
    bound.name = f"{caller}/{node.name}" if caller else node.name
    bound.inputs, bound.outputs = node.inputs, node.outputs
    bound.attributes = dict(node.attributes)
    for name, reference in node.references.items():
        if reference in given:
            bound.attributes[name] = given[reference]
    # An optional input that the call leaves out.
    made = set(node.outputs)
    bound.inputs = [name if name in inner or name in made or name else "" for name in node.inputs]
    return bound


def ordered(nodes: Sequence[Node], known: Mapping[str, object]) -> Sequence[Node]:
    """The nodes so that each stands behind those whose results it reads.

    Files are to have this order already. Raises ConvcalcError bad-model for a cycle.
    """
    seen: set[str] = set()
    made = {name for node in nodes for name in node.outputs if name}
    for node in nodes:
        if any([name in made and name not in seen for name in node.inputs]):
            break
        seen.update(node.outputs)
    else:
        return nodes
    waiting = {
        index: {name for name in node.inputs if name in made and name not in known}
        for index, node in enumerate(nodes)
    }
    readers: dict[str, list[int]] = {}
    for index, names in waiting.items():
        for name in names:
            readers.setdefault(name, []).append(index)
    ready = [index for index, names in waiting.items() if not names][::-1]
    order: list[Node] = []
    while ready:
        node = nodes[ready.pop()]
        order.append(node)
        for name in node.outputs:
            for index in readers.pop(name, ()):
                waiting[index].discard(name)
                if not waiting[index]:
                    ready.append(index)
    if len(order) < len(nodes):
        stuck = next(nodes[index] for index, names in waiting.items() if names)
        raise refused("bad-model", f"{printable(stuck.name or stuck.op)}: it reads its own result")
    return order


def needed(nodes: Sequence[Node], outputs: Iterable[str]) -> list[Node]:
    """The nodes that some values depend on, in order."""
    wanted = set(outputs)
    kept = []
    for node in reversed(nodes):
        if not wanted.isdisjoint(node.outputs):
            kept.append(node)
            wanted.update(node.inputs)
            for attribute in node.attributes.values():
                if isinstance(attribute, Graph):
                    wanted |= captured(attribute)
    return kept[::-1]


def captured(graph: Graph) -> set[str]:
    """The names that the nodes of a graph inside another one read."""
    names = {info.name for info in graph.outputs}
    for node in graph.nodes:
        names.update(node.inputs)
        for attribute in node.attributes.values():
            if isinstance(attribute, Graph):
                names |= captured(attribute)
    return names
