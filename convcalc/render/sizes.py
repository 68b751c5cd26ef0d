"""The input sizes that work, as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from convcalc.problems import printable


class AxisSizes(NamedTuple):
    """A set of sizes from 1 to `most`: how it begins, and how it goes on.

    before    those before it repeats itself
    residues  those of one period from `start` on
    period    0 where it does not repeat
    """

    smallest: int | None
    before: tuple[int, ...]
    residues: tuple[int, ...]
    period: int
    start: int
    most: int
    sizes: tuple[int, ...]


class SizesShown(NamedTuple):
    """What is said of a network.

    axes  for each axis its name, the sizes that work, and those at which no row is dropped
    """

    network: str
    inputs: str
    axes: tuple[tuple[str, AxisSizes, AxisSizes], ...]
    product: bool | None
    together: AxisSizes


def set_text(sizes: AxisSizes) -> str:
    """A set of sizes in words."""
    if sizes.smallest is None:
        return f"none from 1 to {sizes.most}"
    if not sizes.period or not sizes.residues:
        return f"{_ranges(sizes.sizes)} (of 1 to {sizes.most})"
    before = f"{_ranges(sizes.before)}, and " if sizes.before else ""
    first, period = sizes.residues[0], sizes.period
    if len(sizes.residues) == period:
        return f"{before}every size from {first} on"
    if len(sizes.residues) == 1:
        shown = ", ".join([str(first + k * period) for k in range(3)])
        return f"{before}{shown}, ...: every {period} from {first} on"
    second = [n + period for n in sizes.residues]
    shown = f"{_ranges(sizes.residues)}, {_ranges(second)}, ..."
    return f"{before}{shown}: the same every {period}"


def _ranges(sizes: Sequence[int]) -> str:
    """Numbers, those in a row by their ends; of many the first."""
    parts: list[list[int]] = []
    for size in sizes:
        if parts and parts[-1][-1] == size - 1:
            parts[-1].append(size)
        else:
            parts.append([size])
    texts = [str(p[0]) if len(p) == 1 else f"{p[0]}..{p[-1]}" for p in parts]
    return ", ".join([*texts[:8], *(["..."] if len(texts) > 8 else [])])


def sizes_text(shown: SizesShown) -> str:
    """The sizes for people."""
    lines = [f"{printable(shown.network)}: input {shown.inputs}"]
    sets = {(works, whole) for _, works, whole in shown.axes}
    names = [name for name, _, _ in shown.axes]
    if len(sets) == 1:
        ((works, whole),) = sets
        axes = [(" and ".join(names), works, whole)]
    else:
        axes = list(shown.axes)
    width = max([len(name) for name, _, _ in axes])
    for name, works, whole in axes:
        lines.append(f"{name:<{width}}  {set_text(works)}")
        if whole != works:
            lines.append(f"{'':<{width}}  no row is dropped at {set_text(whole)}")
    if len(names) > 1 and shown.product:
        lines.append(
            "Any height goes with any width." if len(names) == 2 else "Axes are independent."
        )
    elif shown.product is False:
        lines.append("Not all of these go together; with the same size on every axis:")
        lines.append(f"  {set_text(shown.together)}")
    elif shown.product is None:
        lines.append("Each with the file's sizes of the other axes; all the same:")
        lines.append(f"  {set_text(shown.together)}")
    return "".join([f"{line}\n" for line in lines])


def sizes_data(shown: SizesShown) -> dict[str, Any]:
    """The sizes as plain data."""

    def data(of: AxisSizes) -> dict[str, Any]:
        return {
            "smallest": of.smallest,
            "period": of.period or None,
            "from": of.start if of.period else None,
            "sizes": list(of.sizes),
        }

    return {
        "schema": "convcalc.sizes/1",
        "network": shown.network,
        "most": shown.together.most,
        "axes": [
            {"name": name, "works": data(works), "drops_nothing": data(whole)}
            for name, works, whole in shown.axes
        ],
        "independent": shown.product,
        "equal": data(shown.together),
    }
