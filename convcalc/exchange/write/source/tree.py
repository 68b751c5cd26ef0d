"""A network as a tree of blocks: which layers a person would put into one class.

Blocks are the calls of the file's blocks, and what is fused to a layer. Where a network comes from
no file, they are the groups that its paths name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from convcalc.exchange.write.counterparts import NoCounterpart
from convcalc.exchange.write.source.operations import Operation, Step
from convcalc.graph import Network
from convcalc.layers.base import Layer
from convcalc.shapes import Shape

#: A value: that of a node, or of a step on the way to it.
Ref = tuple[int, int]
#: The steps of a layer that these shapes enter.
Translate = Callable[[Layer, Sequence[Shape]], list[Step]]


class Item:
    """One thing that a block does: an operation, or another block.

    name     what it is called in the block
    body     the operation or the block
    inputs   the values that enter it
    outputs  the values that it makes
    same     the item whose weights it uses, if they are not its own
    count    how often it is there, one behind the other
    """

    __slots__ = ("body", "count", "inputs", "name", "outputs", "same")

    def __init__(
        self, name: str, body: Operation | Block, inputs: Sequence[Ref], outputs: Sequence[Ref]
    ) -> None:
        self.name = name
        self.body = body
        self.inputs = list(inputs)
        self.outputs = list(outputs)
        self.same: Item | None = None
        self.count = 1

    @property
    def chains(self) -> bool:
        """Whether it can be an element of a sequence of modules."""
        if len(self.inputs) != 1 or len(self.outputs) != 1:
            return False
        return self.body.chains if isinstance(self.body, Operation) else True

    def leaves(self) -> list[Item]:
        """The operations in it, in order."""
        if isinstance(self.body, Operation):
            return [self]
        return [leaf for item in self.body.items for leaf in item.leaves()]


class Block:
    """A group of items that becomes a class, or a sequence.

    family  blocks of one family are written as one class, if they can: the word that called them;
            "" for the network, and for units, which are all one family
    unit    whether it is a layer with what is fused to it
    """

    __slots__ = ("family", "inputs", "items", "outputs", "path", "unit")

    def __init__(self, path: str, family: str, unit: bool) -> None:
        self.path = path
        self.family = family
        self.unit = unit
        self.items: list[Item] = []
        self.inputs: list[Ref] = []
        self.outputs: list[Ref] = []

    @property
    def height(self) -> int:
        """How deep blocks are nested in it."""
        inner = [item.body.height for item in self.items if isinstance(item.body, Block)]
        return 1 + max(inner, default=0)

    @property
    def sequence(self) -> bool:
        """Whether each item reads the one before, and nothing else."""
        return (
            len(self.inputs) == len(self.outputs) == 1
            and all(item.chains for item in self.items)
            and all(
                item.inputs == before
                for item, before in zip(
                    self.items,
                    [self.inputs, *[item.outputs for item in self.items]],
                    strict=False,
                )
            )
            and self.items[-1].outputs == self.outputs
        )


def block_tree(
    network: Network, translations: dict[str, Translate], attention: Translate, target: str
) -> Block:
    """The network as a block of blocks; raises ConvcalcError where a layer has no counterpart."""
    placed = _placed(network, translations, attention, target)
    dissolved: set[str] = set()
    while True:
        groups = _groups(network, placed) - dissolved
        root = _built(network, placed, groups)
        broken = _sharing(network, root, placed)
        if not broken:
            return root
        # Layers of different blocks share weights: without those blocks they can.
        dissolved |= broken


class _Placed:
    """A step, where it is, and what it reads and makes."""

    __slots__ = ("inputs", "leaf", "node", "output")

    def __init__(self, node: int, leaf: Operation, inputs: list[Ref], output: Ref) -> None:
        self.node = node
        self.leaf = leaf
        self.inputs = inputs
        self.output = output


def _placed(
    network: Network, translations: dict[str, Translate], attention: Translate, target: str
) -> list[_Placed]:
    whole = _attentions(network)
    inner = {index for found in whole.values() for index in found.parts}
    placed: list[_Placed] = []
    for index, node in enumerate(network.nodes):
        if not node.inputs or index in inner:
            continue
        found = whole.get(index)
        reads = list(node.inputs) if found is None else found.reads
        layer = node.layer if found is None else found.layer
        translate = translations.get(node.kind) if found is None else attention
        try:
            if translate is None:
                raise NoCounterpart
            steps = translate(layer, [network.nodes[read].shape for read in reads])
        except NoCounterpart as error:
            raise error.refused(node, target) from None
        for place, step in enumerate(steps):
            last = place == len(steps) - 1
            inputs = [
                (reads[read], 0) if read >= 0 else (index, place + read + 1) for read in step.reads
            ]
            placed.append(_Placed(index, step.leaf, inputs, (index, 0 if last else place + 1)))
    return placed


class _Attention:
    """The nodes that an attention became."""

    def __init__(self, layer: Layer, parts: list[int], reads: list[int]) -> None:
        self.layer = layer
        self.parts = parts
        self.reads = reads


def _attentions(network: Network) -> dict[int, _Attention]:
    """Each attention by its last node, where no one else reads what is within."""
    parts: dict[str, list[int]] = {}
    for index, node in enumerate(network.nodes):
        if node.written is not None and node.written.kind == "attention":
            parts.setdefault(node.unit, []).append(index)
    found: dict[int, _Attention] = {}
    for indices in parts.values():
        *inner, last = indices
        first = network.nodes[indices[0]]
        layer = first.written
        scores = next(i for i in indices if network.nodes[i].kind == "attention_scores")
        key = network.nodes[scores].inputs[1]
        if network.nodes[key].kind == "attention_norm":
            key = network.nodes[key].inputs[0]
        reads = [first.inputs[0], key, network.nodes[last].inputs[1]]
        if layer is not None and network.nodes[last].kind == "attention_values":
            found[last] = _Attention(layer, inner, reads)
    return found


def _groups(network: Network, placed: Sequence[_Placed]) -> set[str]:
    """The paths that become blocks; those of units have the mark `=` before them."""
    called = _called(network)
    members: dict[str, list[int]] = {}
    readers: dict[int, set[int]] = {}
    for index, node in enumerate(network.nodes):
        for read in node.inputs:
            readers.setdefault(read, set()).add(index)
        for group in _prefixes(node.unit):
            members.setdefault(group, []).append(index)
    units: dict[str, list[_Placed]] = {}
    for step in placed:
        units.setdefault(network.nodes[step.node].unit, []).append(step)
    groups = {
        group
        for group, nodes in members.items()
        # What others stand between is no block.
        if nodes[-1] - nodes[0] + 1 == len(nodes) and (called is None or group in called)
    }
    results = set(network.outputs.values())
    for unit, steps in units.items():
        weighted = network.nodes[steps[0].node].layer.weighted
        nodes = {step.node: None for step in steps}
        *inner, _ = nodes
        seen = any(index in results or readers[index] - nodes.keys() for index in inner)
        if weighted and inner and not seen and all(step.leaf.chains for step in steps):
            groups.add(f"={unit}")
    return groups


def _prefixes(path: str) -> list[str]:
    parts = path.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def _called(network: Network) -> dict[str, str] | None:
    """The groups that calls of blocks made, with the blocks' names; None where none did."""
    if not any(node.calls for node in network.nodes):
        return None
    shared: dict[str, int] = {}
    calls: dict[str, tuple[object, ...]] = {}
    for node in network.nodes:
        for group in _prefixes(node.unit):
            if group not in calls:
                calls[group] = node.calls
            else:
                same = 0
                for ours, theirs in zip(calls[group], node.calls, strict=False):
                    if ours != theirs:
                        break
                    same += 1
                calls[group] = calls[group][:same]
    found: dict[str, str] = {}
    for group in sorted(calls, key=lambda path: path.count(".")):
        above = shared.get(group.rpartition(".")[0], 0)
        shared[group] = above
        if len(calls[group]) > above:
            found[group] = getattr(calls[group][above], "block", "")
            shared[group] = above + 1
    return found


def _built(network: Network, placed: Sequence[_Placed], groups: set[str]) -> Block:
    """The tree of these groups."""
    called = _called(network) or {}
    root = Block("", "", False)
    open_: list[Block] = [root]
    paths: list[str] = [""]
    names: list[tuple[str, Item]] = []
    for step in placed:
        node = network.nodes[step.node]
        wanted = [group for group in _prefixes(node.unit) if group in groups]
        if f"={node.unit}" in groups:
            wanted.append(f"={node.unit}")
        same = 0
        while same < len(wanted) and same + 1 < len(paths) and paths[same + 1] == wanted[same]:
            same += 1
        del open_[same + 1 :], paths[same + 1 :]
        for path in wanted[same:]:
            unit = path.startswith("=")
            family = "" if unit else called.get(path) or _stem(path)
            block = Block(path.removeprefix("="), family, unit)
            item = Item(path.removeprefix("="), block, [], [])
            open_[-1].items.append(item)
            names.append((open_[-1].path, item))
            open_.append(block)
            paths.append(path)
        name = node.unit + node.path[len(node.unit) :].replace(".", "_")
        if step.output[1]:
            name += f"_{step.leaf.kind}"  # not the last of its layer
        item = Item(name, step.leaf, step.inputs, [step.output])
        open_[-1].items.append(item)
        names.append((open_[-2 if open_[-1].unit else -1].path, item))
    results = {(index, 0) for index in network.outputs.values()}
    _bound(root, results)
    root.inputs = [(index, 0) for index, node in enumerate(network.nodes) if not node.inputs]
    root.outputs = [(index, 0) for index in network.outputs.values()]
    _flat(root)
    for path, item in names:
        item.name = item.name.removeprefix(f"{path}.") if path else item.name
    return root


def _stem(path: str) -> str:
    name = path.rpartition(".")[2]
    return name.rstrip("0123456789") or path.split(".")[-2:][0].rstrip("0123456789") or "block"


def _bound(block: Block, results: set[Ref]) -> None:
    """Finds what enters and leaves each block within; `results` are what others read of it."""
    reads: dict[Ref, list[int]] = {}
    for place, item in enumerate(block.items):
        for leaf in item.leaves():
            for ref in leaf.inputs:
                reads.setdefault(ref, []).append(place)
    for place, item in enumerate(block.items):
        if isinstance(item.body, Operation):
            continue
        leaves = item.leaves()
        made = [ref for leaf in leaves for ref in leaf.outputs]
        own = set(made)
        read = {
            ref
            for ref in own
            if ref in results or any(reader != place for reader in reads.get(ref, ()))
        }
        inputs = dict.fromkeys(ref for leaf in leaves for ref in leaf.inputs if ref not in own)
        item.inputs = item.body.inputs = list(inputs)
        item.outputs = item.body.outputs = [ref for ref in made if ref in read]
        _bound(item.body, read)


def _flat(block: Block) -> None:
    """Blocks of one item are that item."""
    for item in block.items:
        while isinstance(item.body, Block):
            _flat(item.body)
            if len(item.body.items) != 1:
                break
            only = item.body.items[0]
            item.body, item.inputs, item.outputs = only.body, only.inputs, only.outputs


def _sharing(network: Network, root: Block, placed: Sequence[_Placed]) -> set[str]:
    """Lets items use the weights of others; the groups that keep some from it."""
    makers: dict[Ref, list[tuple[Block, Item]]] = {}

    def visit(block: Block, above: list[tuple[Block, Item]]) -> None:
        for item in block.items:
            here = [*above, (block, item)]
            if isinstance(item.body, Block):
                visit(item.body, here)
            else:
                makers[item.outputs[0]] = here

    visit(root, [])
    broken: set[str] = set()
    for step in placed:
        shares = network.nodes[step.node].shares
        if shares is None or not step.leaf.callee:
            continue
        ours = makers[step.output]
        theirs = makers[(shares, step.output[1])]
        # The outermost items that differ stand in one block, and are the same inside.
        pairs = enumerate(zip(ours, theirs, strict=False))
        depth = next(n for n, (a, b) in pairs if a[1] is not b[1])
        mine, other = ours[depth][1], theirs[depth][1]
        if mine.same in (None, other) and _equal(mine, other, network):
            mine.same = other
            continue
        for _, item in (*ours[depth:], *theirs[depth:]):
            if isinstance(item.body, Block):
                broken |= {item.body.path, f"={item.body.path}"}
        if not any(isinstance(item.body, Block) for _, item in (*ours[depth:], *theirs[depth:])):
            raise NoCounterpart("layers share weights in a way that modules cannot").refused(
                network.nodes[step.node], "source"
            )
    return broken


def _equal(mine: Item, other: Item, network: Network) -> bool:
    """Whether one module can do the work of both, all of whose weights are shared."""
    ours, theirs = mine.leaves(), other.leaves()
    if len(ours) != len(theirs):
        return False
    for a, b in zip(ours, theirs, strict=True):
        first, second = a.body, b.body
        if not isinstance(first, Operation) or not isinstance(second, Operation):
            return False
        if first.key != second.key or first.values != second.values:
            return False
        node = network.nodes[a.outputs[0][0]]
        shapes = network.input_shapes(node)
        if node.layer.parameters(shapes) and node.shares != b.outputs[0][0]:
            return False
    return True
