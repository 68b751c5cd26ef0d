"""What-ifs: the same network with other channels, kernels or padding.

Each takes a network and gives a new one with the same nodes, paths, order and wiring; only the
numbers in its layers and the shapes differ. A what-if that would make the network invalid is
refused with the layer at which it breaks. No layer kind is named here: what a kind makes of a
what-if is said in its class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from math import isfinite
from typing import Any

from convcalc.graph import Network, located
from convcalc.layers.base import Layer
from convcalc.layers.fields import value_text
from convcalc.problems import UNUSABLE, ConvcalcError, Problem, RuleError, printable, refused
from convcalc.record import Record
from convcalc.shapes import LARGEST_SIZE, Shape
from convcalc.spelling import did_you_mean
from convcalc.transform.channels import channel_rules, scaled_channels


class WhatIf(Record):
    """What-ifs together; the fields are the arguments of `apply`."""

    double_channels: bool = False
    scale_channels: Fraction | int | None = None
    double_padding: bool = False
    kernel: int | None = None

    @classmethod
    def of(cls, given: Mapping[str, object]) -> WhatIf:
        """What-ifs by name; raises ConvcalcError where there is no such, or it takes no such value.

        >>> WhatIf.of({"kernel": 5, "scale_channels": 0.5}).text
        '--scale-channels 0.5 --kernel 5'
        """
        takes = {"scale_channels": (int, float, Fraction), "kernel": (int,)}
        for name, value in given.items():
            if name not in cls._names:
                known = did_you_mean(name, cls._names) or f"there are {', '.join(cls._names)}"
                raise refused("bad-option", f"no what-if is called '{printable(name)}'", known)
            wrong = isinstance(value, float) and not isfinite(value)
            if type(value) not in takes.get(name, (bool,)) or wrong:
                raise refused("bad-option", f"{name} takes no {printable(repr(value))}")
        fields: dict[str, Any] = dict(given)
        if isinstance(fields.get("scale_channels"), float):
            fields["scale_channels"] = Fraction(str(fields["scale_channels"]))  # 0.35 is 7/20
        return cls(**fields).checked()

    def checked(self) -> WhatIf:
        """The same; raises ConvcalcError where a number is out of range."""
        if self.kernel is not None and not 1 <= self.kernel <= LARGEST_SIZE:
            what = f"--kernel {value_text(self.kernel)}"
            raise _unusable(what, f"the size must be a whole number from 1 to {LARGEST_SIZE}")
        if self.scale_channels is not None and self.scale_channels <= 0:
            what = f"--scale-channels {value_text(self.scale_channels)}"
            raise _unusable(what, "the factor must be above 0")
        return self

    @property
    def text(self) -> str:
        """As options are written."""
        scaled = self.scale_channels
        parts = [
            "--double-channels" if self.double_channels else "",
            "" if scaled is None else f"--scale-channels {value_text(scaled)}",
            "" if self.kernel is None else f"--kernel {self.kernel}",
            "--double-padding" if self.double_padding else "",
        ]
        return " ".join([part for part in parts if part])

    def applied(self, network: Network) -> Network:
        """The network under them; raises ConvcalcError where the result is no valid network."""
        return apply(network, **self._asdict())


def apply(
    network: Network,
    *,
    double_channels: bool = False,
    scale_channels: Fraction | int | None = None,
    double_padding: bool = False,
    kernel: int | None = None,
) -> Network:
    """The network under several what-ifs: first other channels, then kernels, then padding.

    `double_channels` beside `scale_channels` doubles the factor. Without a what-if it is the
    network itself. Raises ConvcalcError where the result is no valid network.
    """
    return applied(
        network,
        double_channels=double_channels,
        scale_channels=scale_channels,
        double_padding=double_padding,
        kernel=kernel,
    )[0]


def applied(
    network: Network,
    *,
    double_channels: bool = False,
    scale_channels: Fraction | int | None = None,
    double_padding: bool = False,
    kernel: int | None = None,
) -> tuple[Network, list[str]]:
    """The same, and those of the what-ifs that changed something, as options are written."""
    found = []
    options = ["--double-channels"] if double_channels else []
    factor: Fraction | int = 2 if double_channels else 1
    if scale_channels is not None:
        options.append(f"--scale-channels {value_text(scale_channels)}")
        factor *= scale_channels
    steps: list[tuple[str, Callable[[Network, str], Network]]] = []
    if options:
        steps.append((" ".join(options), lambda one, text: _with_channels(one, factor, text)))
    if kernel is not None:
        steps.append((f"--kernel {value_text(kernel)}", lambda one, _: with_kernel(one, kernel)))
    if double_padding:
        steps.append(("--double-padding", lambda one, _: _with_padding(one)))
    for text, step in steps:
        changed = step(network, text)
        if changed is not network:
            found.append(text)
        network = changed
    return network, found


def scale_channels(network: Network, factor: Fraction | int) -> Network:
    """Every convolution with `factor` times as many output channels.

    Inputs and results keep their sizes; channels that an add, a mul, a depthwise convolution or a
    shared layer ties together change together, or not at all if tied to an input or a result. A
    positionwise dense layer counts as a 1x1 convolution; the units of any other only follow what
    they are tied to. Slices take the same part of what is now there.

    Counts are rounded to the nearest that groups allow, halves up, at least one channel a group.
    A factor of 1 changes nothing, and where nothing was rounded 1/factor undoes it; a convolution
    whose groups have come to equal its input channels is a depthwise one from then on, though.

    Raises ConvcalcError: the factor is not above 0, or a size becomes too large.

    >>> import convcalc
    >>> double = scale_channels(convcalc.load("lenet"), 2)
    >>> [node.shape for node in double.nodes if node.kind == "conv"]
    [(12, 28, 28), (32, 10, 10)]
    """
    return _with_channels(network, factor, f"--scale-channels {value_text(factor)}")


def with_kernel(network: Network, size: int) -> Network:
    """Every convolution with a kernel of `size` on every axis.

    Total padding grows or shrinks with the dilated kernel, so that the output keeps its size where
    it can; it is split over the sides as before and stops at 0, and `same` stays `same`. A
    transposed convolution, whose output grows with its kernel, is cropped more or less.

    Raises ConvcalcError: the size is out of range, or the network breaks.

    >>> import convcalc
    >>> [node.shape for node in with_kernel(convcalc.load("lenet"), 3).nodes if node.kind == "conv"]
    [(6, 28, 28), (16, 12, 12)]
    """
    what = f"--kernel {value_text(size)}"
    if not 1 <= size <= LARGEST_SIZE:
        raise _unusable(what, f"the size must be a whole number from 1 to {LARGEST_SIZE}")
    return _with_each(network, lambda layer, inputs: layer.with_kernel(size), what)


def double_padding(network: Network) -> Network:
    """Every convolution with twice the padding on every side.

    `same` padding is first turned into the numbers that it comes to. The padding of a transposed
    convolution is what is cropped from its output, so that it shrinks.

    Raises ConvcalcError where the network breaks.

    >>> import convcalc
    >>> [node.shape for node in double_padding(convcalc.load("lenet")).nodes if node.kind == "conv"]
    [(6, 32, 32), (16, 12, 12)]
    """
    return _with_padding(network)


def _with_padding(network: Network) -> Network:
    return _with_each(
        network, lambda layer, inputs: layer.with_double_padding(inputs), "--double-padding"
    )


def _with_channels(network: Network, factor: Fraction | int, what: str) -> Network:
    if factor <= 0:
        raise _unusable(what, "the factor must be above 0")
    layers = []
    rules, counts = channel_rules(network), scaled_channels(network, factor)
    for node, rule, (channels, start) in zip(network.nodes, rules, counts, strict=True):
        same = channels == node.shape[0] and start == rule.start
        layers.append(node.layer if same else node.layer.with_channels(rule, channels, start))
    return _rebuilt(network, layers, what)


def _with_each(
    network: Network, change: Callable[[Layer, Sequence[Shape]], Layer], what: str
) -> Network:
    """The network with every layer changed on its own."""
    layers = []
    for node in network.nodes:
        shapes = network.input_shapes(node)
        try:
            layers.append(change(node.layer, shapes))
        except RuleError as error:
            raise _broken([located(error, node, shapes)], what) from None
    return _rebuilt(network, layers, what)


def _rebuilt(network: Network, layers: Sequence[Layer], what: str) -> Network:
    if all(layer == node.layer for layer, node in zip(layers, network.nodes, strict=True)):
        return network
    try:
        changed = network.with_layers(layers)
    except ConvcalcError as error:
        raise _broken(error.problems, what) from None
    return changed


def _broken(problems: Iterable[Problem], what: str) -> ConvcalcError:
    """The problems of a what-if, which the messages name: the file itself is right."""
    return ConvcalcError([problem.about(change=what) for problem in problems])


def _unusable(what: str, rule: str) -> ConvcalcError:
    return ConvcalcError([Problem("bad-value", f"{what}: {rule}")], UNUSABLE)
