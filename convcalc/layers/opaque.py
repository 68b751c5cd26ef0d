"""Operations that have no rule: their result is known, and what they cost is not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from convcalc.layers.base import Layer
from convcalc.layers.fields import FieldType, Whole, WholeList, field
from convcalc.layers.reading import WHOLE, Readings
from convcalc.layers.traits import Branches, ChannelRule, Start
from convcalc.shapes import LARGEST_SIZE, MOST_AXES, Shape

#: The longest name of an operation, and what it is made of: `com.microsoft.FusedMatMul`.
_LONGEST = 100
_NAME = re.compile(rf"[A-Za-z_][A-Za-z0-9_.-]{{0,{_LONGEST - 1}}}\Z", re.ASCII)


class _OperationName(FieldType):
    """What the operation is called where it comes from."""

    literal = True
    text = f"a name of at most {_LONGEST} letters, digits, '_', '-' and '.'"

    def read(self, value: object, rank: int) -> str:
        if not isinstance(value, str) or not _NAME.match(value):
            raise self.refuse(value)
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": _NAME.pattern.replace(r"\Z", "$")}


def operation_name(text: str) -> str:
    """A name that `op` takes, for an operation of a model file, whose names may hold anything.

    >>> operation_name("com.microsoft::FusedMatMul"), operation_name("3 d")
    ('com.microsoft..FusedMatMul', '_3_d')
    """
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", text.replace(":", "."), flags=re.ASCII)
    return (name if name[:1].isalpha() else f"_{name}")[:_LONGEST]


class Opaque(Layer, kind="opaque"):
    """An operation without a rule, of which only the result's shape is known.

    Every total of a network that holds one is at least what the other layers have.

    Shape:  any number of inputs of any shape -> the given one
    Params: the given number; unknown if none is given
    Counts: unknown, and never 0
    Grads:  unknown
    Source: the file that the network was read from

    >>> boxes = Opaque(op="NonMaxSuppression", shape=(100, 4))
    >>> boxes.output_shape([(84, 8400), (8400,)]), boxes.unknown
    ((100, 4), True)
    """

    unknown = True
    joins = Branches(0, word="op")

    op: str = field(_OperationName(), "the operation's name where it comes from")
    shape: tuple[int, ...] = field(
        WholeList(f"a list of 1 to {MOST_AXES} sizes, channels first", 1, MOST_AXES),
        "the result's shape, without the batch axis",
    )
    params: int | None = field(
        Whole(0, LARGEST_SIZE), "how many numbers it learns; unknown if not given", default=None
    )

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        return self.shape

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        # Unknown as well; no unit can depend on more than everything.
        return (WHOLE,) * len(inputs[index])

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        return {"weight": (self.params,)} if self.params else {}

    @property
    def unlisted(self) -> bool:
        return self.params is None

    def start(self, name: str) -> Start:
        return Start(0.0, 0.1)

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        return ChannelRule("fixed")

    def summary(self) -> str:
        return f"{self.kind} {self.op}"
