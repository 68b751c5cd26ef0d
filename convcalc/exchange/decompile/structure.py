"""What layers have in common: their kinds and wiring, whatever their numbers are."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from convcalc.exchange.decompile.items import (
    Branch,
    Copies,
    Expression,
    Fused,
    Guarded,
    Item,
    Value,
    inner_list,
)
from convcalc.exchange.decompile.naming import all_items
from convcalc.exchange.decompile.templates import Slot, every_slot
from convcalc.layers import KINDS


def wiring(item: Item) -> Hashable:
    """A key that layers have in common which differ in numbers and activations only."""
    return _Keys().of(item)


def contents(item: Item) -> Hashable:
    """A key that layers have in common which differ only in what they refer to outside."""
    return _Keys(numbers=True).of(item)


class _Keys:
    """Keys of layers, in which references are numbers of the layers inside.

    numbers  whether their arguments belong to them
    """

    def __init__(self, *, numbers: bool = False) -> None:
        self.arguments = numbers
        self.numbers: dict[Item, int] = {}

    def of(self, item: Item) -> Hashable:
        """The key of a layer."""
        norm = item.args.get("norm")
        parts: list[Hashable] = [
            item.kind,
            norm.kind if isinstance(norm, Fused) else "",
            item.labels,
            item.share is not None,
            item.repeat is not None,
            tuple(item.first),
            self.reference(item.source),
        ]
        if self.arguments:
            parts += [self.value(pair) for pair in item.args.items()]
            parts += [item.repeat, item.when, *item.first.values()]
        parts += [self.branch(branch) for branch in item.branches or ()]
        if item.body is not None:
            parts.append(tuple([self.of(inner) for inner in item.body]))
        self.numbers[item] = len(self.numbers)
        return tuple(parts)

    def branch(self, branch: Branch) -> Hashable:
        """The key of a branch."""
        if isinstance(branch, Copies):
            return ("copies", self.reference(branch.item))
        if isinstance(branch, Guarded):
            return ("guarded", self.branch(branch.layers))
        if isinstance(branch, Item):
            return self.reference(branch)
        return tuple([self.of(item) for item in branch])

    def value(self, pair: tuple[str, Value]) -> Hashable:
        """The key of an argument: true is no 1."""
        name, value = pair
        if isinstance(value, Item):
            return (name, self.reference(value))
        return (name, type(value), value)

    def reference(self, item: Item | None) -> Hashable:
        """The key of a reference: which layer inside it is, or that it is outside."""
        return None if item is None else ("to", self.numbers.get(item, -1))


def outline(item: Item, *, kernels: bool = True, activations: bool = True) -> Hashable:
    """A key that layers have in common which differ in numbers of channels, strides and sizes.

    kernels      whether the windows of depthwise convolutions matter
    activations  whether these matter
    """
    if item.branches is not None or item.body is not None:
        return (wiring(item), item.args.get("activation"))
    if item.kind not in KINDS:
        return (item.kind, item.repeat is not None, tuple(item.first))
    kept = []
    for name, value in item.args.items():
        if name == "activation" and not activations:
            continue
        if name == "kernel":
            if kernels or item.kind != "depthwise":
                kept.append((name, value))
        elif isinstance(value, Item):
            kept.append((name, "layer"))
        elif isinstance(value, Expression) and "in_channels" in value:
            kept.append((name, str(value)))
        elif isinstance(value, (Fused, bool, float)):
            kept.append((name, value))
        elif type(value) is str:
            kept.append((name, value))
    shared = item.share is not None
    return (item.kind, item.repeat is not None, shared, frozenset(kept))


def outlines(items: Sequence[Item]) -> Hashable:
    """A key that the main branches of residual units have in common."""
    *inner, last = items
    keys = [outline(item, kernels=False, activations=False) for item in inner]
    return (*keys, outline(last, kernels=False))


class Measures:
    """What is asked of layers again and again, for as long as none of them changes."""

    def __init__(self) -> None:
        self._weights: dict[Item, int] = {}
        self._lines: dict[Item, int] = {}
        self._widths: dict[Item, int] = {}
        self._moves: dict[Item, bool] = {}
        self._wirings: dict[Item, Hashable] = {}

    def wiring(self, item: Item) -> Hashable:
        """The key of a layer."""
        found = self._wirings.get(item)
        if found is None:
            found = self._wirings[item] = wiring(item)
        return found

    def weight(self, item: Item) -> int:
        """How many layers there are in one."""
        found = self._weights.get(item)
        if found is None:
            found = (item.body is None) + sum(map(self.weight, item.body or ()))
            for branch in item.branches or ():
                found += self.weight_of(inner_list(branch) or ())
            self._weights[item] = found
        return found

    def weight_of(self, items: Iterable[Item]) -> int:
        """How many layers there are in some."""
        return sum(map(self.weight, items))

    def may_move(self, item: Item) -> bool:
        """Whether a layer may become a part of a block: it stands under no condition."""
        found = self._moves.get(item)
        if found is None:
            inner = list(item.body or ())
            for branch in item.branches or ():
                inner += inner_list(branch) or ()
            guarded = any(isinstance(branch, Guarded) for branch in item.branches or ())
            found = not (item.when or guarded) and all(map(self.may_move, inner))
            self._moves[item] = found
        return found

    def lines(self, item: Item) -> int:
        """About how many lines a layer takes."""
        found = self._lines.get(item)
        if found is None:
            found = self._lines[item] = self._counted(item)
        return found

    def _counted(self, item: Item) -> int:
        if item.branches is None:
            return sum(map(self.lines, item.body)) if item.body is not None else 1
        if self.weight(item) <= 5 and self.width(item) <= 90:
            return 1
        lines = 1 + ("activation" in item.args)
        for branch in item.branches:
            inner = inner_list(branch) or []
            short = len(inner) <= 3 and self.weight_of(inner) <= 4
            short = short and sum(map(self.width, inner)) <= 85
            lines += 1 if short else sum(map(self.lines, inner))
        return lines

    def width(self, item: Item) -> int:
        """About how many letters a layer takes in one line, where defaults say what is usual."""
        width = self._widths.get(item)
        if width is None:
            width = len(item.kind) + 6
            for name, value in item.args.items():
                if name not in ("bias", "norm"):
                    width += len(name) + 4 + (len(value.kind) if isinstance(value, Fused) else 3)
            for branch in item.branches or ():
                width += 4 + sum(map(self.width, inner_list(branch) or ()))
            self._widths[item] = width
        return width


def kernels_fit(slots: Sequence[Slot]) -> bool:
    """Whether the convolutions in each slot have one kernel."""
    for slot in every_slot(slots):
        if slot.kind == "conv":
            kernels = {item.args.get("kernel") for item in slot.items if item is not None}
            if len(kernels) > 1:
                return False
    return True


def skips(item: Item) -> bool:
    """Whether a layer is a residual unit, which adds its input to what its branch makes."""
    return (
        item.kind == "add"
        and item.branches is not None
        and len(item.branches) == 2
        and any(inner_list(branch) == [] for branch in item.branches)
    )


def attends(item: Item) -> bool:
    """Whether a layer has attention inside, which says what it is for."""
    return any(inner.kind == "attention" for inner in all_items([item]))


def residual(items: list[Item]) -> Item:
    """A sequence as a residual unit that has no skip."""
    made = Item("add", {}, items[-1].shape, items[-1].path)
    made.branches = [items]
    made.entering = items[0].entering
    return made


def common_path(items: Iterable[Item]) -> str:
    """The parts of their paths that some layers have in common."""
    paths = [item.path.split(".") for item in items]
    first, last = min(paths), max(paths)
    common = []
    for one, other in zip(first, last, strict=False):
        if one != other:
            break
        common.append(one)
    return ".".join(common)


def structure_names(items: Sequence[Item]) -> list[str]:
    """What a block of these layers may be called, the best name first."""
    kinds = [item.kind for item in all_items(items)]
    first, last = items[0], items[-1]
    end = last.body[-1].kind if last.body else last.kind
    convolutions = kinds.count("conv") + kinds.count("dense")
    if "attention" in kinds:
        return ["encoder_layer" if len(items) > 1 else "attention_block"]
    if any(map(skips, items)) or end == "add":
        if "depthwise" in kinds and convolutions:
            return ["inverted_residual", "residual"]
        return ["bottleneck" if convolutions >= 3 else "basic_block", "residual"]
    if end == "mul" and "global_avgpool" in kinds:
        return ["squeeze_excite"]
    if end == "concat" or first.kind == "concat":
        return _concat_names(first, kinds, convolutions)
    return [_sequence_name(first, last, kinds, items)]


def _concat_names(first: Item, kinds: Sequence[str], convolutions: int) -> list[str]:
    if "channel_shuffle" in kinds:
        return ["shuffle_unit", "branches"]
    if first.kind == "concat" and first.branches and inner_list(first.branches[0]) == []:
        return ["dense_layer", "branches"]
    return ["inception", "branches"] if convolutions > 3 else ["branches"]


def _sequence_name(first: Item, last: Item, kinds: Sequence[str], items: Sequence[Item]) -> str:
    """The name of a sequence without branches."""
    rules = {
        "stage": any(item.repeat is not None for item in items) or last.kind.endswith("pool"),
        "up": first.kind in ("upsample", "conv_transpose", "unpool", "pixel_shuffle"),
        "separable": tuple(kinds[:2]) == ("depthwise", "conv"),
        "transition": "avgpool" in kinds and "batchnorm" in kinds,
        "down": first.kind.endswith("pool") or first.args.get("stride", 1) != 1,
        "convs": set(kinds) == {"conv"},
    }
    order = ("up", "separable", "transition", "stage", "down", "convs")
    return next((name for name in order if rules[name]), "block")
