"""What patterns are described with."""

from __future__ import annotations

from collections.abc import Iterator

from convcalc.exchange.onnx.values import Constant, Op, Value, scalar
from convcalc.exchange.onnx.wire import Attribute


def made_by(value: Value | None, *types: str) -> Op | None:
    """The operation that computes a value, if it is of one of some types."""
    op = value.producer if value is not None else None
    return op if op is not None and op.type in types else None


def near(value: Value | None, number: float) -> bool:
    """Whether a value is one constant number, as near as a float16 can be."""
    found = scalar(value)
    return found is not None and abs(found - number) <= 2e-3 * max(1.0, abs(number))


def operands(op: Op) -> Iterator[tuple[Value, Value]]:
    """The two inputs of an operation in both orders; nothing where it has not two."""
    if len(op.inputs) == 2:
        a, b = op.inputs
        if a is not None and b is not None:
            yield a, b
            yield b, a


def operands_of(op: Op | None) -> Iterator[tuple[Value, Value]]:
    """The same of an operation that may not be there."""
    return operands(op) if op is not None else iter(())


def with_number(op: Op | None) -> Iterator[tuple[Value, float]]:
    """A live input and the constant number beside it, of an operation with two inputs."""
    if op is not None:
        for value, other in operands(op):
            number = scalar(other)
            if number is not None and not isinstance(value, Constant):
                yield value, number


def become(
    op: Op,
    type_: str,
    inputs: list[Value | None],
    attributes: dict[str, Attribute] | None = None,
) -> bool:
    """Makes an operation that of a pattern; always true."""
    op.type = type_
    op.inputs = inputs
    op.attributes = attributes or {}
    return True
