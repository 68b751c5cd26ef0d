"""Joins: their branches and what each of them puts in."""

from __future__ import annotations

import re
from collections.abc import Callable

from convcalc.language.building.evaluation import Copy, Evaluator, Frame
from convcalc.language.building.groups import UNKNOWN, Flow, Group
from convcalc.language.building.layers import LayerReader, given_twice
from convcalc.language.keys import kind_arguments
from convcalc.language.reading.document import NAME
from convcalc.language.reading.expressions import UnknownSizeError
from convcalc.language.reading.items import (
    Argument,
    Item,
    Refusal,
    argument_names,
    check_arguments,
    gathered,
    is_empty,
    is_head,
    refusal,
)
from convcalc.language.reading.nodes import (
    MOST_PROBLEMS,
    ListNode,
    MapNode,
    ScalarNode,
    YamlNode,
)
from convcalc.layers import layer_class
from convcalc.layers.traits import Branches
from convcalc.problems import DidYouMean, Problem, Rule, helps, printable

#: `unit*`, `stage1.unit*.skip`
_COPIES = r"(?:[\w-]+\.)*[\w-]+\*(?:\.[\w-]+)*\Z"

#: Adds the layers of a list to the graph; the value of the last.
Sequence = Callable[[ListNode, Flow | None, Frame], Flow | None]


class JoinReader:
    """Adds joins to the graph."""

    def __init__(self, evaluator: Evaluator, layers: LayerReader) -> None:
        self._evaluator = evaluator
        self._layers = layers

    def read(self, copy: Copy, sequence: Sequence) -> Flow:
        """Adds the join and its branches, by `sequence`, to the graph; its value.

        Records mistakes inside; raises Refusal where the join as a whole is wrong.
        """
        item, kind, path = copy.item, copy.target, copy.path
        flow, frame = copy.flow, copy.frame
        document, group = frame.file.document, frame.group
        cls = layer_class(kind)
        names = argument_names(kind, document)
        given = dict(item.arguments)
        check_arguments(item, kind, names, given)
        if copy.first is not None:
            check_arguments(item, kind, names, copy.first.entries, ())
            given.update({text: Argument(*entry) for text, entry in copy.first.entries.items()})
        fused = self._layers.fused_arguments(kind, given, document)
        inner = Group(path, group)
        values: list[tuple[str, Flow]] = []
        branches = cls.joins or Branches()
        written: list[tuple[str, YamlNode]] = []
        if branches.word and not isinstance(item.value, ListNode | MapNode):
            values.append(("branch0", self._entering(item, branches.word, given, copy)))
        else:
            written = self._branches(item, kind, branches.names)
        for label, node in written:
            self._evaluator.spend(5, item.span)
            found = self._branch(label, node, copy, inner, sequence)
            if isinstance(found, Flow):
                inner.values[label] = found
                found = [(label, found)]
            values += found
        group.groups[copy.name] = inner
        if not values and branches.least:
            raise refusal(
                "no-branches",
                f"no branch of {kind} is left",
                item.span,
                "",
                (Rule("one branch at least must have no condition or one that holds"),),
            )
        if branches.names:
            values = _in_order(item, kind, branches, values)
        flows = [value for _, value in values]
        # Where there is no branch, the shape of one does not matter.
        branch = flows[0] if flows else Flow(None, (1,))
        single = len(values) == 1 and branches.least == 1
        if single and not given:
            return self._layers.fuse(fused, flows[0], path, frame, item.span)
        layer, _ = self._layers.make(cls, given, item.span, path, flow, frame, branch=branch)
        if layer is None:
            # What is fused to it is read for mistakes of its own.
            return self._layers.fuse(fused, UNKNOWN, path, frame, item.span)
        if single:
            return self._layers.fuse(fused, flows[0], path, frame, item.span)
        labels = [label for label, _ in values]
        value = self._layers.add(layer, path, path, flows, item.span, given, frame, branches=labels)
        return self._layers.fuse(fused, value, path, frame, item.span)

    def _entering(self, item: Item, word: str, given: dict[str, Argument], copy: Copy) -> Flow:
        """What enters, as the one branch, where a word stands in place of the branches.

        The word becomes the argument that it is.
        """
        key, value = item.key, item.value
        if isinstance(key, ScalarNode) and value is not None and not is_empty(value):
            if word in given:
                raise given_twice(word, given[word].key, key)
            given[word] = Argument(key, value)
        if copy.flow is None:
            help_text = self._layers.input_help(copy.frame.group)
            raise refusal("no-input", "no value enters here", item.span, help_text)
        return copy.flow

    def _branches(
        self, item: Item, kind: str, names: tuple[str, ...]
    ) -> list[tuple[str, YamlNode]]:
        """The branches as written, each with its name; `names` are those that the kind has."""
        value = item.value
        if names:
            return _named_branches(item, kind, names)
        if isinstance(value, ListNode):
            return [(f"branch{index}", node) for index, node in enumerate(value.items)]
        if isinstance(value, MapNode):
            for text, (key, _) in value.entries.items():
                if text in ("when", "layers"):
                    raise refusal(
                        "taken-name",
                        f"'{text}' cannot name a branch",
                        key.span,
                        "a branch with a condition is written NAME: {when: ..., layers: [...]}",
                    )
                if text == "input" or not NAME.match(text):
                    raise refusal("bad-name", f"'{printable(text)}' cannot name a branch", key.span)
            return [(text, node) for text, (_, node) in value.entries.items()]
        raise _no_branches(item, kind, f"{kind} takes a list or mapping of branches", ())

    def _branch(
        self, label: str, node: YamlNode, copy: Copy, inner: Group, sequence: Sequence
    ) -> Flow | list[tuple[str, Flow]]:
        """A branch's value; none where its condition fails, or those of copies by their names."""
        flow, frame = copy.flow, copy.frame
        layers = node
        try:
            if isinstance(node, MapNode):
                layers_or_none = self._conditional(node, flow, frame)
                if layers_or_none is None:
                    return []
                layers = layers_or_none
            if isinstance(layers, ScalarNode):
                if "*" in layers.text:
                    return self._copies(layers, frame, copy.item)
                return self._named(layers, frame)
        except Refusal as error:
            self._evaluator.refused(error, frame, inner.path_of(label))
            return UNKNOWN
        except UnknownSizeError:
            return UNKNOWN
        if not isinstance(layers, ListNode):
            raise TypeError(f"not a branch: {layers!r}")
        if flow is None and not layers.items:
            return self._nothing(inner.path_of(label), layers, frame.group, frame)
        branch = Group(inner.path_of(label), inner)
        value = flow
        if value is None or layers.items:
            value = sequence(layers, flow, frame.within(branch))
        inner.groups[label] = branch
        if value is None:
            return self._nothing(inner.path_of(label), layers, branch, frame)
        return value

    def _nothing(self, path: str, node: YamlNode, group: Group, frame: Frame) -> Flow:
        """Refuses a branch that has no value, where the last layer of a group has none."""
        facts = helps(self._layers.input_help(group))
        problem = Problem("no-input", "no value enters here", node.span, facts, frame.calls)
        self._evaluator.refuse(problem.about(layer=path))
        return UNKNOWN

    def _conditional(self, node: MapNode, flow: Flow | None, frame: Frame) -> YamlNode | None:
        """The layers of a branch `{when: ..., layers: [...]}`; None where the condition fails."""
        for text, (key, _) in node.entries.items():
            if text not in ("when", "layers"):
                raise refusal(
                    "bad-branch",
                    f"a branch is a list of layers, a name, or {{when: ..., layers: [...]}}:"
                    f" '{printable(text)}' is no key of it",
                    key.span,
                    "put the layer into a list: [{conv: 64, kernel: 1}]",
                )
        if "layers" not in node.entries:
            raise refusal(
                "bad-branch",
                "this branch has no 'layers'",
                node.span,
                "write {when: ..., layers: [...]}; [] is what enters",
            )
        layers = node.entries["layers"][1]
        if isinstance(layers, MapNode) or is_empty(layers):
            raise refusal("bad-branch", "the layers of a branch are a list", layers.span)
        when = node.entries.get("when")
        if when is not None and not self._evaluator.holds(when[1], flow, frame):
            return None
        return layers

    def _copies(self, node: ScalarNode, frame: Frame, item: Item) -> list[tuple[str, Flow]]:
        """The values of the copies that `NAME*` in a join stands for, by their names."""
        word = node.text.strip()
        if not re.match(_COPIES, word, re.ASCII):
            raise refusal(
                "bad-name",
                f"'{printable(word)}' names no copies",
                node.span,
                "all copies of a layer are NAME*, and a layer in each of them is NAME*.LAYER",
            )
        if isinstance(item.value, MapNode):
            raise refusal(
                "bad-branch",
                f"'{printable(word)}' may be several values, and the branch has one name",
                node.span,
                f"write the branches as a list: [{printable(word)}]",
            )
        # All names of these groups are looked at, and each may be that of a copy.
        looks = sum([len(group.values) for group in frame.group.outward()])
        self._evaluator.spend(looks * (1 + word.count(".")), node.span)
        return frame.group.copies(node)

    def _named(self, node: ScalarNode, frame: Frame) -> Flow:
        """The value that a word in a join stands for."""
        word = node.text.strip()
        if not word:
            raise refusal(
                "missing-value", "a branch is missing here", node.span, "the incoming value is []"
            )
        if is_head(word, frame.file.document) and frame.find(word) is None:
            raise refusal(
                "unknown-layer",
                f"in a join a word is a layer's name, and none is called '{word}'",
                node.span,
                f"the kind or block is written as a list: [{word}]",
            )
        return frame.lookup(node)


def _named_branches(item: Item, kind: str, names: tuple[str, ...]) -> list[tuple[str, YamlNode]]:
    """The branches of a join whose kind names them, as written."""
    value = item.value
    if not isinstance(value, MapNode):
        message = f"{kind} takes a mapping of the branches {', '.join(names)}"
        raise _no_branches(item, kind, message, names)
    problems = [
        _unknown_branch(kind, names, text, key)
        for text, (key, _) in value.entries.items()
        if text not in names
    ]
    if problems:
        raise gathered(problems[:MOST_PROBLEMS])
    return [(text, node) for text, (_, node) in value.entries.items()]


def _no_branches(item: Item, kind: str, message: str, names: tuple[str, ...]) -> Refusal:
    """The refusal of a join whose branches are neither a list nor a mapping of them."""
    from convcalc.language.hints.layers import join_of_word  # only a mistake needs it

    value = item.value
    empty = value is None or is_empty(value)
    text = value.text if isinstance(value, ScalarNode) else ""
    span = item.span if value is None or empty else value.span
    return refusal("bad-value", message, span, join_of_word(kind, text, names))


def _unknown_branch(kind: str, names: tuple[str, ...], text: str, key: ScalarNode) -> Problem:
    """The problem of a branch that the kind does not have."""
    if text in kind_arguments(kind):
        message = f"'{text}' is an argument and belongs beside '{kind}', not among its branches"
        return Problem("unknown-key", message, key.span)
    message = f"{kind} has no branch '{printable(text)}'"
    return Problem("unknown-key", message, key.span, (DidYouMean(text, names),))


def _in_order(
    item: Item, kind: str, branches: Branches, values: list[tuple[str, Flow]]
) -> list[tuple[str, Flow]]:
    """The values of branches that the kind names, in its order; all that it needs are there."""
    found = dict(values)
    missing = [name for name in branches.required if name not in found]
    if missing:
        needed = " and ".join([f"'{name}'" for name in missing])
        written = isinstance(item.value, MapNode) and any(n in item.value.entries for n in missing)
        raise refusal(
            "branch-count",
            f"{kind} needs the branch{'es' if len(missing) > 1 else ''} {needed}",
            item.span,
            facts=(Rule("a branch whose condition fails does not count"),) if written else (),
        )
    return [(name, found[name]) for name in branches.names if name in found]
