"""The input sizes that work, as text and as JSON."""

from __future__ import annotations

from typing import Any, NamedTuple

from convcalc.facts import ranges_text
from convcalc.problems import printable
from convcalc.shapes import SizeSet


class SizesShown(NamedTuple):
    """What is said of a network.

    axes  for each axis its name, the sizes that work, and those at which no row is dropped
    """

    network: str
    inputs: str
    axes: tuple[tuple[str, SizeSet, SizeSet], ...]
    product: bool | None
    together: SizeSet


def set_text(sizes: SizeSet) -> str:
    """A set of sizes in words."""
    if sizes.smallest is None:
        return f"none from 1 to {sizes.most}"
    if not sizes.period or not sizes.residues:
        return f"{ranges_text(sizes.sizes)} (of 1 to {sizes.most})"
    before = f"{ranges_text(sizes.before)}, and " if sizes.before else ""
    first, period = sizes.residues[0], sizes.period
    if len(sizes.residues) == period:
        return f"{before}every size from {first} on"
    if len(sizes.residues) == 1:
        shown = ", ".join([str(first + k * period) for k in range(3)])
        return f"{before}{shown}, ...: every {period} from {first} on"
    second = [n + period for n in sizes.residues]
    shown = f"{ranges_text(sizes.residues)}, {ranges_text(second)}, ..."
    return f"{before}{shown}: the same every {period}"


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

    def data(of: SizeSet) -> dict[str, Any]:
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
