"""The values of an ONNX graph while it is read: live ones with a shape, and constants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TYPE_CHECKING, TypeAlias, TypeGuard

from convcalc.exchange.onnx.wire import Attribute, Tensor
from convcalc.problems import ConvcalcError, printable, refused

if TYPE_CHECKING:
    from convcalc.shapes import Shape

Number: TypeAlias = int | float

#: Element types by their number in a file: the name, the bytes of an element, and how `struct`
#: reads one ("" where nothing here does).
ELEMENT_TYPES: dict[int, tuple[str, int, str]] = {
    1: ("float32", 4, "f"),
    2: ("uint8", 1, "B"),
    3: ("int8", 1, "b"),
    4: ("uint16", 2, "H"),
    5: ("int16", 2, "h"),
    6: ("int32", 4, "i"),
    7: ("int64", 8, "q"),
    8: ("string", 0, ""),
    9: ("bool", 1, "B"),
    10: ("float16", 2, "e"),
    11: ("float64", 8, "d"),
    12: ("uint32", 4, "I"),
    13: ("uint64", 8, "Q"),
    14: ("complex64", 8, ""),
    15: ("complex128", 16, ""),
    16: ("bfloat16", 2, ""),
    17: ("float8e4m3fn", 1, ""),
    18: ("float8e4m3fnuz", 1, ""),
    19: ("float8e5m2", 1, ""),
    20: ("float8e5m2fnuz", 1, ""),
    21: ("uint4", 1, ""),
    22: ("int4", 1, ""),
}
FLOAT, INT64, BOOL = 1, 7, 9
#: The element types that are numbers with a fraction.
FLOATS = frozenset((1, 10, 11, 16, 17, 18, 19, 20))

#: The most numbers of a constant that are read and computed with.
MOST_KNOWN = 50_000
#: The most numbers of a constant with fractions: larger ones are weights.
MOST_KNOWN_FLOATS = 64
#: The most numbers of an input that says how an operation works: axes, sizes, pads.
_MOST_LISTED = 1000


class Value:
    """A value of the graph.

    shape     its sizes, the batch among them
    dtype     the number of its element type
    producer  the operation that computes it; None of an input or a constant
    users     how many operations and results read it
    """

    __slots__ = ("dtype", "name", "producer", "shape", "users")

    def __init__(self, name: str, shape: Shape, dtype: int, producer: Op | None = None) -> None:
        self.name = name
        self.shape = shape
        self.dtype = dtype
        self.producer = producer
        self.users = 0

    def __repr__(self) -> str:
        return f"<{self.name}: {self.shape}>"


#: Stands for what was not looked at yet.
_UNSEEN = range(0)


class Constant(Value):
    """A value that does not depend on the network's inputs.

    tensor   where its numbers lie; None of one that was computed or written in an attribute
    written  whether it is an initializer, which may be a weight, and not a number of the code
    moved    how it came from its tensor: the axes' orders and the shapes, in turn
    sources  the weights of which it was computed before the network runs
    made     the operation that computes it of other constants, and which of its results it is
    """

    __slots__ = (
        "_evenly",
        "_numbers",
        "_read",
        "_uniform",
        "made",
        "moved",
        "sources",
        "tensor",
        "written",
    )

    def __init__(
        self,
        name: str,
        shape: Shape,
        dtype: int,
        numbers: list[Number] | None = None,
        tensor: Tensor | None = None,
        read: Callable[[], list[Number] | None] | None = None,
    ) -> None:
        super().__init__(name, shape, dtype)
        self._numbers = numbers
        self._read = read
        self._uniform: bool | None = None
        self._evenly: range | None = _UNSEEN
        self.tensor = tensor
        self.written = tensor is not None and not tensor.fixed
        self.moved: tuple[tuple[str, tuple[int, ...]], ...] = ()
        self.sources: tuple[Constant, ...] = ()
        self.made: tuple[Op, int] | None = None

    @property
    def elements(self) -> int:
        """How many numbers it has."""
        return prod(self.shape)

    def numbers(self) -> list[Number] | None:
        """Its numbers in order; None where they are not in the file, or are too many."""
        if self._read is not None:
            self._numbers = self._read()
            self._read = None
        return self._numbers

    def uniform(self) -> Number | None:
        """The number that all of its numbers are; None where they differ or are not known."""
        numbers = self.numbers()
        if self._uniform is None and numbers:
            self._uniform = numbers.count(numbers[0]) == len(numbers)
        return numbers[0] if numbers and self._uniform else None

    def evenly(self) -> range | None:
        """The range that its whole numbers are, in order; None where they are none, or not known.

        Like `uniform` it looks at them once, however many operations read them.
        """
        if self._evenly is _UNSEEN:
            self._evenly = _evenly(self.numbers() or [])
        return self._evenly

    def number(self) -> Number | None:
        """Its only number; None where it has more, or that is not known."""
        if self.elements != 1:
            return None
        numbers = self.numbers()
        return numbers[0] if numbers else None

    def forget(self, shape: Shape) -> None:
        """Makes it a part, of this shape and without numbers, of what it was."""
        self.shape = shape
        self._numbers = self._read = None

    def copy(self, name: str) -> Constant:
        """The same numbers as a constant of its own."""
        other = Constant(name, self.shape, self.dtype, self._numbers, self.tensor, self._read)
        other.written = self.written
        other.moved = self.moved
        other.sources = self.sources
        other.made = self.made
        return other


class Op:
    """An operation of the graph.

    type     its name; composite ones, which stand for a pattern, have one in lower case
    version  of the operations' set that it belongs to
    node     how the file calls it
    scopes   the modules around it, if the file says so
    module   their names, when they were found
    batch    the size that the file gives the batch, of which one sample is read
    """

    __slots__ = (
        "attributes",
        "batch",
        "inputs",
        "module",
        "node",
        "outputs",
        "scopes",
        "type",
        "version",
    )

    def __init__(
        self,
        type_: str,
        node: str,
        inputs: list[Value | None],
        attributes: dict[str, Attribute],
        version: int,
        scopes: str = "",
    ) -> None:
        self.type = type_
        self.node = node
        self.inputs = inputs
        self.outputs: list[Value] = []
        self.attributes = attributes
        self.version = version
        self.scopes = scopes
        self.module: tuple[str, ...] = ()
        self.batch = 1

    def __repr__(self) -> str:
        return f"<{self.type} {self.node}>"

    @property
    def x(self) -> Value:
        """The first input."""
        inputs = self.inputs
        return (inputs[0] if inputs else None) or self.input(0)

    def input(self, index: int) -> Value:
        """An input that must be there."""
        value = self.inputs[index] if index < len(self.inputs) else None
        if value is None:
            raise self.refuse("bad-model", f"input {index} is missing")
        return value

    def given(self, index: int) -> Value | None:
        """An input; None where it is left out."""
        return self.inputs[index] if index < len(self.inputs) else None

    def refuse(self, code: str, message: str, help_text: str = "") -> ConvcalcError:
        """The error for an operation that cannot be read; the reader adds the file's name."""
        where, what = printable(self.node or self.type, 200), printable(self.type)
        return refused(code, f"{where}: {what}: {message}", help_text)

    # Attributes, of the type that is expected.

    def whole(self, name: str, default: int) -> int:
        """A whole number."""
        value = self.attributes.get(name, default)
        if type(value) is not int:
            raise self.refuse("bad-model", f"'{name}' is no whole number")
        return value

    def real(self, name: str, default: float) -> float:
        """A number."""
        value = self.attributes.get(name, default)
        if not isinstance(value, int | float):
            raise self.refuse("bad-model", f"'{name}' is no number")
        return float(value)

    def text(self, name: str, default: str) -> str:
        """A word."""
        value = self.attributes.get(name)
        if value is None:
            return default
        if not isinstance(value, bytes):
            raise self.refuse("bad-model", f"'{name}' is no text")
        return value.decode("utf-8", "replace")

    def ints(self, name: str, count: int = 0, default: int | None = None) -> list[int] | None:
        """A list of whole numbers, `count` of them if that is given; None where it is left out."""
        value = self.attributes.get(name)
        if value is None:
            return None if default is None else [default] * count
        if not isinstance(value, list) or not _are_whole(value):
            raise self.refuse("bad-model", f"'{name}' is no list of whole numbers")
        if count and len(value) != count:
            raise self.refuse("bad-model", f"'{name}' lists {len(value)} numbers, not {count}")
        return value

    # Constant inputs.

    def constant_ints(self, index: int) -> list[int] | None:
        """The whole numbers of an input; None where it is left out.

        Raises ConvcalcError where they depend on what the network computes.
        """
        value = self.given(index)
        if value is None:
            return None
        numbers = value.numbers() if isinstance(value, Constant) else None
        if numbers is None:
            raise self._not_constant(index, value)
        if len(numbers) > _MOST_LISTED:
            raise self.refuse("bad-model", f"input {index} lists {len(numbers):,} numbers")
        return [round(number) for number in numbers]

    def constant_floats(self, index: int) -> list[float] | None:
        """The numbers of an input; None where it is left out."""
        value = self.given(index)
        if value is None:
            return None
        numbers = value.numbers() if isinstance(value, Constant) else None
        if numbers is None:
            raise self._not_constant(index, value)
        return [float(number) for number in numbers]

    def _not_constant(self, index: int, value: Value) -> ConvcalcError:
        shown = printable(value.name)
        return self.refuse("unsupported-model", f"input {index}, '{shown}', is not constant")

    def listed(self, name: str, index: int) -> list[int] | None:
        """Whole numbers that are an attribute in old versions, and an input in new ones."""
        if name in self.attributes:
            return self.ints(name)
        return self.constant_ints(index)


def _evenly(numbers: list[Number]) -> range | None:
    first, last = (round(numbers[0]), round(numbers[-1])) if numbers else (0, 0)
    step = round(numbers[1]) - first if len(numbers) > 1 else 1
    if not numbers or step < 1:
        return None
    found = range(first, last + 1, step)
    return found if len(found) == len(numbers) and [*found] == numbers else None


def _are_whole(values: list[int] | list[float] | list[bytes]) -> TypeGuard[list[int]]:
    """Whether a list of an attribute is one of whole numbers: its items are of one type."""
    return not values or type(values[0]) is int


def scalar(value: Value | None) -> float | None:
    """The only number of a constant; None of any other value."""
    if isinstance(value, Constant):
        number = value.number()
        return None if number is None else float(number)
    return None


def broadcast(shapes: Sequence[Shape]) -> Shape | None:
    """NumPy's broadcasting; None where sizes do not go together."""
    distinct = set(shapes)
    rank = max([len(shape) for shape in distinct], default=0)
    sizes = [1] * rank
    for shape in distinct:
        for axis, size in enumerate(shape, rank - len(shape)):
            if size != 1:
                if sizes[axis] not in (1, size):
                    return None
                sizes[axis] = size
    return tuple(sizes)
