"""From a network to the text of a file that a person can read."""

from __future__ import annotations

from collections.abc import Mapping

from convcalc.analysis.costs.cost import COSTS
from convcalc.analysis.costs.report import Report, analyze
from convcalc.exchange.decompile.arguments import class_heads, name_classes, name_width
from convcalc.exchange.decompile.compare import difference
from convcalc.exchange.decompile.defaults import common_arguments
from convcalc.exchange.decompile.folding import Folder
from convcalc.exchange.decompile.items import CLASSES, WIDTH, Item, Items, read_items
from convcalc.exchange.decompile.naming import Namer, all_items, named_items
from convcalc.exchange.decompile.nesting import in_sequence, last_of, nested
from convcalc.exchange.decompile.spelling import Block
from convcalc.exchange.decompile.text import file_text
from convcalc.graph import Network
from convcalc.language.load import loads
from convcalc.layers import KINDS
from convcalc.problems import ConvcalcError, refused
from convcalc.record import Record

#: The most lines of a text that is compared with another one: folding takes time.
_MOST_COMPARED = 200


class Text(Record):
    """The file of a network.

    yaml      its text
    flat      whether it has one line for each layer
    why_flat  where that was not asked for, why; else ""
    unused    the paths of layers that nothing used, which are results now
    """

    yaml: str
    flat: bool
    why_flat: str
    unused: tuple[str, ...] = ()


def decompile(network: Network, *, flat: bool = False) -> Text:
    """The text of a file with this network: blocks, repeats and defaults, or `flat`.

    The text is read again and compared with the network; where they differ, it is written flat. A
    layer that nothing uses is a result of the file, because in a file every other value is used.

    Raises ConvcalcError with status 2 where the network has a layer that cannot be written.

    >>> import convcalc
    >>> print(decompile(convcalc.load("lenet")).yaml, end="")
    input: [1, 28, 28]
    args: {classes: 10}
    layers:
      - {conv: 6, kernel: 5, padding: 2, activation: sigmoid}
      - {avgpool: 2}
      - {conv: 16, kernel: 5, activation: sigmoid}
      - {avgpool: 2}
      - {dense: 120, activation: sigmoid}
      - {dense: 84, activation: sigmoid}
      - {dense: classes}
    expect: {params: 61706, macs: 416520, output: [10]}
    """
    for node in network.nodes:
        if node.layer.unknown and node.kind not in KINDS:
            message = f"{node.path} is an operation without a rule, which no text can have"
            raise refused("unsupported-model", message)
    unused = _unused(network)
    if unused:
        network = Network(network.name, network.nodes, {**network.outputs, **unused})
    report = analyze(network)
    writer = _Writer(network, report)
    why_flat = ""
    if not flat:
        text = writer.folded()
        why_flat = _mistake(network, report, text)
        if not why_flat:
            return Text(text, flat=False, why_flat="", unused=tuple(unused))
    text = writer.flat()
    if _mistake(network, report, text):
        # Norms and activations as layers of their own: what is fused shares all parameters or none.
        text = writer.flat(fuse=False)
        mistake = _mistake(network, report, text)
        if mistake:
            raise refused("unsupported-model", f"no text has the same figures: {mistake}")
    return Text(text, flat=True, why_flat=why_flat, unused=tuple(unused))


def _unused(network: Network) -> dict[str, int]:
    """The layers whose value nothing uses, and that are no result."""
    used = {read for node in network.nodes for read in node.inputs}
    used.update(network.outputs.values())
    last = {node.unit: index for index, node in enumerate(network.nodes)}
    return {
        network.nodes[index].unit: index
        for index in last.values()
        if index not in used and network.nodes[index].kind != "input"
    }


class _Writer:
    """Writes a network with blocks, or flat."""

    def __init__(self, network: Network, report: Report) -> None:
        self.network = network
        self.expect = _expected(report)
        self.heads = class_heads(network)
        self.args = {CLASSES: self.heads.classes} if self.heads.classes else {}

    def items(self, *, fuse: bool = True) -> Items:
        items = read_items(self.network, fuse=fuse)
        name_classes(items.items, self.heads)
        return items

    def folded(self) -> str:
        text, was_split = self.folded_once()
        if was_split and text.count("\n") <= _MOST_COMPARED:
            # What is common to a whole group may save more than what is to its parts.
            other, _ = self.folded_once(splits=False)
            text = min(text, other, key=lambda each: each.count("\n"))
        return text

    def folded_once(self, *, splits: bool = True) -> tuple[str, bool]:
        """The text with blocks, and whether a group of joins was split for it."""
        items = self.items()
        folder = Folder(nested(items), items.inputs, list(items.outputs), splits=splits)
        folder.fold()
        items = items._replace(outputs=[last_of(item) for item in folder.outputs])
        found = (items, folder.sequence, folder.blocks, folder.names)
        text = self.written(*found)
        width = name_width(folder.sequence, folder.blocks, self.heads.results)
        if not width:
            return text, folder.was_split
        wide = self.written(*found, {**self.args, WIDTH: width})
        longer = wide.count("\n") - text.count("\n")
        if longer <= (not self.args) and _scales(wide, 2 * width):
            text = wide
        return text, folder.was_split

    def flat(self, *, fuse: bool = True) -> str:
        items = self.items(fuse=fuse)
        return self.written(items, in_sequence(items), {}, {})

    def written(
        self,
        items: Items,
        sequence: list[Item],
        blocks: Mapping[str, Block],
        block_names: Mapping[str, Mapping[Item, str]],
        args: Mapping[str, int] | None = None,
    ) -> str:
        args = self.args if args is None else args
        names = named_items(sequence, items.inputs, items.outputs, Namer(blocks))
        bodies = [item for block in blocks.values() for item in all_items(block.body)]
        return file_text(
            items.inputs,
            sequence,
            items.outputs,
            names,
            args=args,
            defaults=common_arguments([*all_items(sequence), *bodies]),
            blocks=blocks,
            block_names=block_names,
            expect=self.expect,
        )


def _scales(text: str, width: int) -> bool:
    """Whether there is a network of another width."""
    try:
        loads(text, args={WIDTH: width})
    except ConvcalcError:
        return False
    return True


def _expected(report: Report) -> str:
    """The `expect` of a file: its totals and the shapes of its results."""
    totals = {name: report.totals.known(name) for name in ("params", "macs")}
    facts = [f"{name}: {figure}" for name, figure in totals.items() if figure is not None]
    outputs = list(report.outputs.values())
    if len(outputs) == 1:
        facts.append(f"output: {list(outputs[0][1:])}")
    return "expect: {" + ", ".join(facts) + "}"


def _mistake(network: Network, report: Report, text: str) -> str:
    """What a text has otherwise than the network; "" where that is nothing."""
    try:
        again = loads(text, name="decompiled", max_layers=10 * len(network.nodes) + 100)
    except ConvcalcError as error:
        return f"it cannot be read: {error.problems[0].message}"
    found = difference(network, again)
    if found:
        return found
    read = analyze(again).totals
    for name, cost in COSTS.items():
        if cost(read) != cost(report.totals):
            return f"{name} differs"
    return ""
