"""What a class is made of: its parts, and its arguments."""

from __future__ import annotations

from typing import Any

from convcalc.exchange.write.source.operations import Operation, Word
from convcalc.exchange.write.source.tree import Block, Item

#: Where a value comes from: an input of the block, ("in", place), or an item's result.
Source = tuple[Any, int]


class Absent:
    """The value of an argument in a block where nothing uses it."""


ABSENT = Absent()


class Expression:
    """A value in a class: a constant, or made of the class's arguments."""

    __slots__ = ("constant", "text")

    def __init__(self, text: str = "", constant: Any = ABSENT) -> None:
        self.text = text
        self.constant = constant

    @property
    def is_constant(self) -> bool:
        return self.constant is not ABSENT

    def __str__(self) -> str:
        return source_of(self.constant) if self.is_constant else self.text


def source_of(value: Any) -> str:
    """A constant as Python source."""
    if isinstance(value, Word):
        return str(value)
    if isinstance(value, tuple):
        inner = ", ".join([source_of(one) for one in value])
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, str):
        return f'"{value}"'
    return repr(value)


class Part:
    """An item of a class.

    body       the operation, as the first block has it, or the class of a block
    sources    what enters it
    values     its arguments by name, once they are known
    present    of each block of the class, its item; None where it has none
    through    which input is the result where there is none
    condition  when it is there; "" for always
    count      how often it is there, one behind the other
    """

    __slots__ = (
        "body",
        "condition",
        "count",
        "name",
        "present",
        "same",
        "sources",
        "through",
        "values",
    )

    def __init__(self, name: str, body: Operation | Class, sources: list[Source]) -> None:
        self.name = name
        self.body = body
        self.sources = sources
        self.present: list[Item | None] = []
        self.through = 0
        self.condition = ""
        self.count = Expression(constant=1)
        self.values: dict[str, Expression] = {}
        self.same: int | None = None

    @property
    def key(self) -> object:
        return self.body.key if isinstance(self.body, Operation) else self.body

    @property
    def repeats(self) -> bool:
        """Whether it is there more than once in some blocks."""
        return any(item is not None and item.count > 1 for item in self.present)

    @property
    def chains(self) -> bool:
        return len(self.sources) == 1 and (
            self.body.chains if isinstance(self.body, Operation) else len(self.body.results) == 1
        )


class Parameter:
    """An argument of a class: its value in each block, and its default if it has one."""

    __slots__ = ("column", "default", "name")

    def __init__(self, name: str, column: list[Any]) -> None:
        self.name = name
        self.column = column
        self.default: Any = ABSENT


class Class:
    """What blocks have in common.

    blocks      the blocks
    parts       their items
    inputs      how many values enter
    results     the values that leave
    parameters  the arguments
    """

    def __init__(self, family: str, blocks: list[Block], unit: bool) -> None:
        self.name = ""
        self.family = family
        self.unit = unit
        self.blocks = blocks
        self.parts: list[Part] = []
        self.inputs = len(blocks[0].inputs)
        self.results: list[Source] = []
        self.parameters: list[Parameter] = []
        #: The channels that enter, an argument as soon as something is made of them.
        self.entering: Parameter | None = None
        self._places: dict[int, int] = {}

    @property
    def sequence(self) -> bool:
        """Whether each part reads the one before, and nothing else."""
        before: list[Source] = [("in", 0), *[(place, 0) for place in range(len(self.parts))]]
        return (
            self.inputs == len(self.results) == 1
            and self.results[0] == before[-1]
            and all(
                part.chains and part.sources == [source] and not part.condition
                for part, source in zip(self.parts, before, strict=False)
            )
        )

    def arguments(self, block: Block) -> dict[str, Any]:
        """The values of the arguments that make this block."""
        if len(self._places) != len(self.blocks):
            self._places = {id(one): place for place, one in enumerate(self.blocks)}
        place = self._places[id(block)]
        return {parameter.name: parameter.column[place] for parameter in self.parameters}


def identifier(text: str) -> str:
    """A text as a name in Python."""
    from keyword import iskeyword

    name = "".join([c if c.isalnum() and c.isascii() else "_" for c in text]) or "_"
    name = f"_{name}" if name[0].isdigit() else name
    return f"{name}_" if iskeyword(name) else name


def same_value(first: Any, second: Any) -> bool:
    """Whether two values are equal and of one type: 1 is not True."""
    return type(first) is type(second) and bool(first == second)
