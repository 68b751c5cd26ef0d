"""The bytes of an ONNX file: protobuf's wire format, and the messages that a graph needs.

Nothing here reads a tensor's numbers: a `Tensor` says where they lie. A length is checked against
the message around it before it is used, so that a damaged file ends in an error and not in a long
read. Field numbers are those of onnx.proto, version 1.16 (IR version 10) and later ones that are
known.

Source: protobuf's encoding; ONNX's IR specification.
"""

from __future__ import annotations

from collections.abc import Iterator
from mmap import mmap
from struct import unpack
from typing import TypeAlias

from convcalc.language.building.evaluation import MOST_LAYERS
from convcalc.problems import ConvcalcError, printable, refused

#: The most steps of reading for each layer that the network may have.
_STEPS_A_LAYER = 80
#: Each field, and each number of a list, is a step; these take more, as they take more memory.
_NODE, _VALUE = 8, 2
#: The most graphs inside of each other, as bodies of `If` and `Loop`.
_MOST_NESTED = 16
#: The longest list of numbers in an attribute, and of sizes in a shape.
_MOST_NUMBERS = 100_000
#: The longest name, in bytes; so many bytes of one are a step.
_LONGEST_NAME, _SHORT = 4096, 32
#: The longest attribute that is looked up among those that were read before, in bytes.
_LONGEST_KNOWN = 64

Extent: TypeAlias = tuple[int, int]


class Tensor:
    """A tensor that is written in the file, or whose place in another file is.

    dims      its shape
    type      the number of its element type
    raw       where its bytes lie in the file; None where it has none
    typed     where its numbers lie as protobuf's, by the number of the field
    location  the file that holds its bytes, beside this one; "" where they are in this one
    fixed     whether it is known to be no weight, which no file says
    offset    of its bytes in that file, and `length` how many; -1 where that is not given
    """

    __slots__ = ("dims", "fixed", "length", "location", "name", "offset", "raw", "type", "typed")

    def __init__(self) -> None:
        self.name = ""
        self.dims: tuple[int, ...] = ()
        self.type = 0
        self.raw: Extent | None = None
        self.typed: list[tuple[int, Extent | bytes | int]] = []
        self.location = ""
        self.offset = 0
        self.length = -1
        self.fixed = False


class Node:
    """One operation, with the names of the values that enter and leave it.

    references  attributes whose value is that of an attribute of the function around the node
    scopes      the modules around it, as exporters note them beside the node
    """

    __slots__ = (
        "attributes",
        "domain",
        "inputs",
        "name",
        "op",
        "outputs",
        "references",
        "scopes",
    )

    def __init__(self) -> None:
        self.op = ""
        self.domain = ""
        self.name = ""
        self.inputs: list[str] = []
        self.outputs: list[str] = []
        self.attributes: dict[str, Attribute] = {}
        self.references: dict[str, str] = {}
        self.scopes = ""


class ValueInfo:
    """What a file says of a value: its element type, and its sizes, numbers or names, if given."""

    __slots__ = ("dims", "name", "type")

    def __init__(self) -> None:
        self.name = ""
        self.type = 0
        self.dims: tuple[int | str | None, ...] | None = None


class Graph:
    """A graph: nodes in order, and the constants among its values.

    values  where the file says something of the values inside; `WireReader.value_info` reads it.
            Of a graph that comes from no file, what is said
    """

    __slots__ = ("initializers", "inputs", "name", "nodes", "outputs", "sparse", "values")

    def __init__(self) -> None:
        self.name = ""
        self.nodes: list[Node] = []
        self.initializers: list[Tensor] = []
        self.sparse = False
        self.inputs: list[ValueInfo] = []
        self.outputs: list[ValueInfo] = []
        self.values: list[Extent | ValueInfo] = []


class Function:
    """A function of the file: an operation that stands for a list of nodes."""

    __slots__ = ("attributes", "defaults", "domain", "inputs", "name", "nodes", "outputs")

    def __init__(self) -> None:
        self.name = ""
        self.domain = ""
        self.inputs: list[str] = []
        self.outputs: list[str] = []
        self.attributes: list[str] = []
        self.defaults: dict[str, Attribute] = {}
        self.nodes: list[Node] = []


class Model:
    """A whole file."""

    __slots__ = ("functions", "graph", "opsets", "producer")

    def __init__(self) -> None:
        self.producer = ""
        self.graph: Graph | None = None
        self.functions: list[Function] = []
        self.opsets: dict[str, int] = {}


Attribute: TypeAlias = (
    int | float | str | bytes | Tensor | Graph | list[int] | list[float] | list[bytes]
)

_Field: TypeAlias = tuple[int, "int | Extent | bytes"]
#: An attribute's name, its value, and the attribute of the function around that it stands for.
_Named: TypeAlias = tuple[str, "Attribute | None", str]


class WireReader:
    """Reads the messages of one file.

    name        the file's, for errors
    data        its bytes
    max_layers  the most layers that the network may have, by which the steps of reading are bounded
    """

    def __init__(self, name: str, data: bytes | mmap, max_layers: int = MOST_LAYERS) -> None:
        self.name = name
        self.data = data
        self._most = self._left = _STEPS_A_LAYER * max_layers
        self._attributes: dict[bytes, _Named] = {}

    def model(self) -> Model:
        """The whole file as a model; raises ConvcalcError where it is none."""
        model = Model()
        try:
            for number, value in self._fields((0, len(self.data))):
                if number == 7:
                    model.graph = self._graph(self._extent(value), 0)
                elif number == 8:
                    domain, version = self._opset(self._extent(value))
                    model.opsets[domain] = version
                elif number == 2:
                    model.producer = self._text(value)
                elif number == 25:
                    model.functions.append(self._function(self._extent(value)))
        except RecursionError:
            raise self._damaged("its graphs are nested too deeply") from None
        return model

    # Protobuf's encoding.

    def _damaged(self, message: str, help_text: str = "") -> ConvcalcError:
        shown = f"{printable(self.name, 200)} is no ONNX file: {message}"
        return refused("bad-model", shown, help_text)

    def _spend(self, steps: int) -> None:
        """Takes steps off those that are left; raises ConvcalcError where there are none."""
        self._left -= steps
        if self._left < 0:
            raise refused(
                "too-many-layers",
                f"{printable(self.name, 200)} takes more than {self._most:,} steps to read",
                "--max-layers allows more",
            )

    def _fields(self, extent: Extent) -> Iterator[_Field]:
        """The fields of a message: numbers as int, bytes as the extent where they lie."""
        data = self.data
        at, end = extent
        count, most = 0, self._left
        try:
            while at < end:
                count += 1
                key = data[at]
                size = data[at + 1]
                at += 2
                if key >= 128:
                    at, key = self._varint(at - 2)
                    size = data[at]
                    at += 1
                wire = key & 7
                if wire == 2:
                    if size >= 128:
                        at, size = self._varint(at - 1)
                    stop = at + size
                    if stop > end:
                        raise self._damaged(
                            f"{size} bytes are announced at byte {at}, and {end - at} are there",
                            "if it is cut short, copy or download it again",
                        )
                    yield key >> 3, (at, stop)
                    at = stop
                elif wire == 0:
                    if size >= 128:
                        at, size = self._varint(at - 1)
                    yield key >> 3, size
                elif wire in (1, 5):
                    at -= 1
                    size = 8 if wire == 1 else 4
                    if at + size > end:
                        raise self._damaged(f"it ends within a number at byte {at}")
                    yield key >> 3, data[at : at + size]
                    at += size
                else:
                    raise self._damaged(f"byte {at - 2} does not begin a field")
                if count > most:
                    break
        except IndexError:
            raise self._damaged("it ends within a field") from None
        self._spend(count)
        if at != end:
            raise self._damaged(f"a field leaves its message at byte {end}")

    def _varint(self, at: int) -> tuple[int, int]:
        """The number at a byte, of seven bits a byte, lowest first; and where it ends."""
        data = self.data
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return at, value & 0xFFFF_FFFF_FFFF_FFFF
            shift += 7
            if shift > 63:
                raise self._damaged(f"a number at byte {at - 10} does not end")

    def _extent(self, value: int | Extent | bytes) -> Extent:
        if isinstance(value, tuple):
            return value
        raise self._damaged("a field holds a number in the place of a message")

    def _text(self, value: int | Extent | bytes) -> str:
        if type(value) is not tuple:
            value = self._extent(value)
        start, end = value
        if end - start > _SHORT:
            if end - start > _LONGEST_NAME:
                raise self._damaged(f"a name at byte {start} has {end - start:,} bytes")
            self._spend((end - start) // _SHORT)
        return self.data[start:end].decode("utf-8", "replace")

    def _bytes(self, value: int | Extent | bytes) -> bytes:
        start, end = self._extent(value)
        if end - start > _MOST_NUMBERS:
            raise self._damaged(f"a text at byte {start} has {end - start:,} bytes")
        return self.data[start:end]

    def _number(self, value: int | Extent | bytes) -> int:
        """A signed number."""
        if type(value) is not int:
            raise self._damaged("a field holds a message in the place of a number")
        return value - (1 << 64) if value >> 63 else value

    def _float(self, value: int | Extent | bytes) -> float:
        if not isinstance(value, bytes) or len(value) != 4:
            raise self._damaged("a field holds no number of four bytes")
        (number,) = unpack("<f", value)
        return float(number)

    def numbers(self, value: int | Extent | bytes) -> list[int]:
        """One signed number, or a packed list of them."""
        if not isinstance(value, tuple):
            return [self._number(value)]
        data = self.data
        at, end = value
        found: list[int] = []
        try:
            while at < end:
                number = data[at]
                at += 1
                if number >= 128:
                    at, number = self._varint(at - 1)
                    if number >> 63:
                        number -= 1 << 64
                found.append(number)
                if len(found) > _MOST_NUMBERS:
                    raise self._damaged(f"a list of numbers before byte {at} is too long")
            self._spend(len(found))
        except IndexError:
            raise self._damaged("it ends within a list of numbers") from None
        if at != end:
            raise self._damaged(f"a list of numbers leaves its field at byte {end}")
        return found

    def _floats(self, value: int | Extent | bytes) -> list[float]:
        if not isinstance(value, tuple):
            return [self._float(value)]
        start, end = value
        count = (end - start) // 4
        if (end - start) % 4 or count > _MOST_NUMBERS:
            raise self._damaged(f"a list of numbers at byte {start} is too long or cut off")
        self._spend(count)
        return list(unpack(f"<{count}f", self.data[start:end]))

    # The messages of a model.

    def _opset(self, extent: Extent) -> tuple[str, int]:
        domain, version = "", 0
        for number, value in self._fields(extent):
            if number == 1:
                domain = self._text(value)
            elif number == 2:
                version = self._number(value)
        return domain, version

    def _graph(self, extent: Extent, depth: int) -> Graph:
        if depth > _MOST_NESTED:
            raise self._damaged(f"its graphs are nested more than {_MOST_NESTED} deep")
        graph = Graph()
        for number, value in self._fields(extent):
            if number == 1:
                graph.nodes.append(self._node(self._extent(value), depth))
            elif number == 5:
                graph.initializers.append(self._tensor(self._extent(value)))
            elif number == 13:
                graph.values.append(self._extent(value))
                self._spend(_VALUE)
            elif number == 11:
                graph.inputs.append(self.value_info(self._extent(value)))
            elif number == 12:
                graph.outputs.append(self.value_info(self._extent(value)))
            elif number == 2:
                graph.name = self._text(value)
            elif number == 15:
                graph.sparse = True
        return graph

    def _function(self, extent: Extent) -> Function:
        function = Function()
        for number, value in self._fields(extent):
            if number == 1:
                function.name = self._text(value)
            elif number == 4:
                function.inputs.append(self._text(value))
            elif number == 5:
                function.outputs.append(self._text(value))
            elif number == 6:
                function.attributes.append(self._text(value))
            elif number == 7:
                function.nodes.append(self._node(self._extent(value), 0))
            elif number == 10:
                function.domain = self._text(value)
            elif number == 11:
                name, default, _ = self._attribute(self._extent(value), 0)
                if default is not None:
                    function.defaults[name] = default
        return function

    def _node(self, extent: Extent, depth: int) -> Node:
        node = Node()
        for number, value in self._fields(extent):
            if number == 1:
                node.inputs.append(self._text(value))
            elif number == 5:
                name, attribute, reference = self._attribute(self._extent(value), depth)
                if reference:
                    node.references[name] = reference
                elif attribute is not None:
                    node.attributes[name] = attribute
            elif number == 2:
                node.outputs.append(self._text(value))
            elif number == 4:
                node.op = self._text(value)
            elif number == 3:
                node.name = self._text(value)
            elif number == 7:
                node.domain = self._text(value)
            elif number == 9:
                key, text = self._entry(self._extent(value))
                if key == "pkg.torch.onnx.name_scopes":
                    node.scopes = text
        self._spend(_NODE + _VALUE * (len(node.inputs) + len(node.outputs)))
        return node

    def _entry(self, extent: Extent) -> tuple[str, str]:
        """A key with its value; a long value is left out."""
        key = text = ""
        for number, value in self._fields(extent):
            if number == 1:
                key = self._text(value)
            elif number == 2:
                start, end = self._extent(value)
                text = self._text(value) if end - start <= _LONGEST_NAME else ""
        return key, text

    def _attribute(self, extent: Extent, depth: int) -> _Named:
        """An attribute, which is mostly the same as one of an earlier node."""
        start, end = extent
        if end - start > _LONGEST_KNOWN:
            return self._new_attribute(extent, depth)
        written = self.data[start:end]
        known = self._attributes.get(written)
        if known is None:
            known = self._new_attribute(extent, depth)
            if not isinstance(known[1], Tensor | Graph):  # these know where they lie
                self._attributes[written] = known
        return known

    def _new_attribute(self, extent: Extent, depth: int) -> _Named:
        self._spend(_NODE)
        name = reference = ""
        kind = 0
        single: Attribute | None = None
        several: list[int] | list[float] | list[bytes]
        ints: list[int] = []
        floats: list[float] = []
        texts: list[bytes] = []
        for number, value in self._fields(extent):
            if number == 1:
                name = self._text(value)
            elif number == 20:
                kind = self._number(value)
            elif number == 3:
                single = self._number(value)
            elif number == 8:
                ints += self.numbers(value)
            elif number == 2:
                single = self._float(value)
            elif number == 4:
                single = self._bytes(value)
            elif number == 5:
                single = self._tensor(self._extent(value))
            elif number == 6:
                single = self._graph(self._extent(value), depth + 1)
            elif number == 7:
                floats += self._floats(value)
            elif number == 9:
                texts.append(self._bytes(value))
            elif number == 21:
                reference = self._text(value)
        if kind in (6, 7, 8) or (single is None and (ints or floats or texts)):
            several = floats or ints or texts
            return name, several, reference
        if single is None:
            # Protobuf leaves out what is 0 or empty.
            empty: dict[int, Attribute] = {1: 0.0, 2: 0, 3: b""}
            single = empty.get(kind)
        return name, single, reference

    def _tensor(self, extent: Extent) -> Tensor:
        tensor = Tensor()
        dims: list[int] = []
        external: dict[str, str] = {}
        elsewhere = False
        self._spend(_NODE)
        for number, value in self._fields(extent):
            if number == 1:
                dims += self.numbers(value)
            elif number == 2:
                tensor.type = self._number(value)
            elif number == 8:
                tensor.name = self._text(value)
            elif number == 9:
                tensor.raw = self._extent(value)
            elif number in (4, 5, 6, 7, 10, 11):
                tensor.typed.append((number, value))
            elif number == 13:
                key, text = self._entry(self._extent(value))
                external[key] = text
            elif number == 14:
                elsewhere = value == 1
        if dims and min(dims) < 0:
            raise self._damaged(f"the tensor {printable(tensor.name)} has a negative size")
        tensor.dims = tuple(dims)
        if elsewhere:
            self._place(tensor, external)
        return tensor

    def _place(self, tensor: Tensor, external: dict[str, str]) -> None:
        """Notes the other file that holds a tensor's bytes."""
        tensor.location = external.get("location", "")
        for key in ("offset", "length"):
            text = external.get(key, "")
            if text:
                if not (text.isascii() and text.isdigit() and len(text) < 19):
                    raise self._damaged(
                        f"the {key} of the tensor {printable(tensor.name)} is {printable(text)}"
                    )
                setattr(tensor, key, int(text))
        if not tensor.location:
            raise self._damaged(f"the tensor {printable(tensor.name)} names no file")

    def value_info(self, extent: Extent) -> ValueInfo:
        """What a message says of a value."""
        info = ValueInfo()
        for number, value in self._fields(extent):
            if number == 1:
                info.name = self._text(value)
            elif number == 2:
                for kind, inner in self._fields(self._extent(value)):
                    if kind == 1:
                        self._tensor_type(info, self._extent(inner))
        return info

    def _tensor_type(self, info: ValueInfo, extent: Extent) -> None:
        for number, value in self._fields(extent):
            if number == 1:
                info.type = self._number(value)
            elif number == 2:
                dims = self._fields(self._extent(value))
                info.dims = tuple([self._dim(self._extent(dim)) for n, dim in dims if n == 1])

    def _dim(self, extent: Extent) -> int | str | None:
        size: int | str | None = None
        for number, value in self._fields(extent):
            if number == 1:
                size = self._number(value)
            elif number == 2:
                size = self._text(value) or None
        return size
