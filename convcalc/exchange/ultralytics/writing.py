"""Adding the layers of a module, and reading its arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from convcalc.exchange.assembly import Assembly, Fused
from convcalc.problems import ConvcalcError, Span, printable
from convcalc.shapes import LARGEST_SIZE

if TYPE_CHECKING:
    from fractions import Fraction

#: The eps of the batch normalisations in these networks.
_EPS = 0.001
SILU: Fused = ("silu", {})


class Writer:
    """Adds the layers of a module.

    path        of the module in the network: "c2f2.m0"
    name        what PyTorch calls it: "model.2.m.0"
    activation  of a convolution, unless it has none
    """

    def __init__(
        self, assembly: Assembly, path: str, name: str, span: Span, activation: Sequence[Fused]
    ) -> None:
        self.assembly = assembly
        self.path = path
        self.name = name
        self.span = span
        self.activation = activation

    def inside(self, name: str) -> Writer:
        """For a module inside of this one: `cv1`, or `m.0` of a list."""
        path = f"{self.path}.{name.replace('.', '')}"
        return Writer(self.assembly, path, f"{self.name}.{name}", self.span, self.activation)

    def channels(self, value: int) -> int:
        """How many channels a value has."""
        return self.assembly.shape(value)[0]

    def sizes(self, value: int) -> tuple[int, ...]:
        """The height and the width of a value."""
        return self.assembly.shape(value)[1:]

    def add(
        self,
        kind: str,
        values: Sequence[int],
        path: str = "",
        name: str = "",
        fused: Sequence[Fused] = (),
        **arguments: object,
    ) -> int:
        """Adds a layer.

        path  its own part of the path; by default it has that of the module
        name  its own part of PyTorch's name
        """
        return self.assembly.add(
            kind,
            values,
            arguments,
            path=f"{self.path}.{path}" if path else self.path,
            name=f"{self.name}.{name}" if name else self.name,
            span=self.span,
            fused=fused,
        )

    def conv(
        self,
        value: int,
        channels: int,
        kernel: int = 1,
        stride: int = 1,
        *,
        groups: int = 1,
        dilation: int = 1,
        padding: int | None = None,
        active: bool = True,
        biased: bool = False,
    ) -> int:
        """A convolution with its norm and activation; or with a bias, and with neither.

        padding  by default what keeps the size at stride 1
        """
        fused: list[Fused] = [] if biased else [("batchnorm", {"eps": _EPS})]
        if active and not biased:
            fused += self.activation
        arguments: dict[str, object] = {
            "kernel": kernel,
            "stride": stride,
            "padding": dilation * (kernel - 1) // 2 if padding is None else padding,
            "dilation": dilation,
            "bias": biased,
        }
        kind = "depthwise"
        if not 1 < groups == channels == self.channels(value):
            kind = "conv"
            arguments.update(channels=channels, groups=groups)
        return self.assembly.add(
            kind,
            [value],
            arguments,
            path=self.path,
            name=self.name if biased else f"{self.name}.conv",
            span=self.span,
            fused=fused,
        )

    def pool(self, value: int, kernel: int, path: str = "") -> int:
        """A maxpool that keeps the size."""
        padding = kernel // 2
        return self.add("maxpool", [value], path, kernel=kernel, stride=1, padding=padding)

    def concat(self, values: Sequence[int]) -> int:
        """The values, one after the other along the channels."""
        return self.add("concat", values, "concat")

    def part(self, value: int, first: int, last: int, path: str) -> int:
        """A range of the channels."""
        return self.add("slice", [value], path, channels=[first, last])

    def wrong(self, message: str, help_text: str = "") -> ConvcalcError:
        """What is wrong with the module."""
        return self.assembly.error("unsupported-model", message, self.name, self.span, help_text)


class Arguments:
    """The arguments of a module: whole numbers, fractions, words, true and false, and lists."""

    def __init__(self, values: Sequence[object], writer: Writer, module: str) -> None:
        self.values = values
        self._writer = writer
        self._module = module

    def _missing(self, place: int) -> bool:
        return place >= len(self.values) or self.values[place] is None

    def wrong(self, place: int, what: str) -> ConvcalcError:
        """An argument is not what the module takes."""
        value = printable(self.values[place]) if place < len(self.values) else "nothing"
        message = f"argument {place + 1} of {self._module} is {what}, not {value}"
        return self._writer.assembly.error(
            "bad-model", message, self._writer.name, self._writer.span
        )

    def whole(self, place: int, default: int | None = None, low: int = 1) -> int:
        """A whole number; raises ConvcalcError where there is none, and no default."""
        if self._missing(place) and default is not None:
            return default
        value = self.values[place] if place < len(self.values) else None
        if (
            isinstance(value, bool)
            or not isinstance(value, int)
            or not low <= value <= LARGEST_SIZE
        ):
            raise self.wrong(place, f"a whole number from {low} on")
        return value

    def flag(self, place: int, default: bool) -> bool:
        """True or false."""
        if self._missing(place):
            return default
        value = self.values[place]
        if not isinstance(value, bool):
            raise self.wrong(place, "True or False")
        return value

    def part(self, place: int, whole: int, default: str) -> int:
        """A part of a whole number that an argument gives as a fraction, rounded down."""
        from fractions import Fraction

        share: object = Fraction(default) if self._missing(place) else self.values[place]
        if isinstance(share, bool) or not isinstance(share, int | Fraction) or not 0 < share <= 64:
            raise self.wrong(place, "a fraction above 0")
        return max(int(share * whole), 1)

    def wholes(self, place: int) -> list[int]:
        """A list of whole numbers."""
        values = self.values[place] if place < len(self.values) else None
        if not isinstance(values, list) or not values:
            raise self.wrong(place, "a list of whole numbers")
        for value in values:
            if isinstance(value, bool) or not isinstance(value, int) or value > LARGEST_SIZE:
                raise self.wrong(place, "a list of whole numbers")
        return values


def number_of(text: str) -> int | Fraction | None:
    """The number that a word of the file is; None where it is none.

    >>> number_of("3"), number_of("0.25"), number_of("1e3"), number_of("nc")
    (3, Fraction(1, 4), Fraction(1000, 1), None)
    """
    import re
    from fractions import Fraction

    if re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII):
        return int(text)
    if re.fullmatch(r"[+-]?(\d{1,9}\.\d{0,9}|\.\d{1,9}|\d{1,9})([eE][+-]?\d)?", text, re.ASCII):
        return Fraction(text.replace(".e", ".0e").replace(".E", ".0E"))
    return None
