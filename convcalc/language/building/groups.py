"""Groups of named layers, and the values that references in them stand for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from convcalc.graph import Names
from convcalc.language.keys import GROUP
from convcalc.language.reading.items import Refusal, refusal
from convcalc.language.reading.nodes import ScalarNode, YamlNode
from convcalc.layers import KINDS
from convcalc.problems import RuleError, helps, listed, printable
from convcalc.shapes import Shape


class Flow(NamedTuple):
    """The value that flows from one layer to the next: its node and shape; None after a mistake."""

    node: int | None
    shape: Shape | None


UNKNOWN = Flow(None, None)


def nothing(missing: RuleError | None, node: ScalarNode) -> Flow:
    """An unknown value where a name has none after a mistake; else raises Refusal."""
    if missing is not None:
        raise refusal(missing.code, missing.message, node.span, facts=missing.facts)
    return UNKNOWN


class Group:
    """A scope of layers' names: a list, a block's body, a branch.

    outer     the group around it, where the look-up of a name goes on; None for a block's body
    entering  what enters a block, which is called `input` in it, or as its file calls the input
    results   of a network that is a block, its outputs, where it has several
    broken    whether no more of such a network could be read
    """

    __slots__ = (
        "broken",
        "entering",
        "groups",
        "input_name",
        "last",
        "left_out",
        "names",
        "outer",
        "path",
        "results",
        "unsure",
        "values",
    )

    def __init__(self, path: str, outer: Group | None, entering: Flow | None = None) -> None:
        self.path = path
        self.outer = outer
        self.entering = entering
        self.input_name = "input"
        self.results: tuple[str, ...] = ()
        self.broken = False
        #: None stands for a network with several outputs.
        self.values: dict[str, Flow | None] = {}
        self.groups: dict[str, Group] = {}
        self.names = Names(self.values)
        self.left_out: set[str] = set()
        self.last = ""
        #: A layer could not be read, so that the numbers of others may be too low.
        self.unsure = False

    def path_of(self, name: str) -> str:
        """The path of a member."""
        return f"{self.path}.{name}" if self.path else name

    def outward(self) -> Iterator[Group]:
        """This group and those around it, in the order in which names are looked up."""
        group: Group | None = self
        while group is not None:
            yield group
            group = group.outer

    def visible(self) -> list[str]:
        """All names that can be looked up here."""
        return [name for group in self.outward() for name in group.values]

    def find(self, reference: str) -> Flow | None:
        """The value of a name, looked up here, then outward."""
        head, *inner = reference.split(".")
        group = self
        while head not in group.values:
            if group.outer is None:
                return group.entering if reference == group.input_name else None
            group = group.outer
        return group.inside(head, inner)

    def inside(self, head: str, inner: list[str]) -> Flow | None:
        """The value of a member, or of what the further names lead to in it."""
        value = self.values[head]
        found: Group | None = self
        name = head
        for part in inner:
            found = found.groups.get(name) if found else None
            if value == UNKNOWN and not (found and found.broken):
                return UNKNOWN  # a mistake inside it is reported already
            missing = UNKNOWN if found and found.broken else None
            value = found.values.get(part, missing) if found else None
            name = part
        return value

    def lookup(self, node: ScalarNode) -> Flow:
        """The value of a name as written; raises Refusal where there is none."""
        return self.find(node.text) or nothing(self.missing(node.text), node)

    def missing(self, reference: str) -> RuleError | None:
        """Why a name has no value; None where that may follow from an earlier mistake."""
        shown = printable(reference)
        head = reference.partition(".")[0]
        groups = list(self.outward())
        if any(head in group.left_out for group in groups):
            message = f"the layer '{shown}' is left out here, by its 'when' or 'repeat'"
            return RuleError("unknown-layer", message)
        prefix = head.rstrip("0123456789")
        numbered = prefix != head and (prefix in KINDS or prefix in ("pool", GROUP))
        if numbered and any(group.unsure for group in groups):
            return None
        if reference == "input" and groups[-1].path:
            return RuleError("no-input", "no value enters this block")
        home = next((group for group in groups if head in group.values), None)
        results = home.results_of(reference) if home else ""
        if results:
            help_text = f"name one of them: {results}"
            return RuleError("no-input", f"'{shown}' has several outputs", facts=helps(help_text))
        message = f"no earlier layer is called '{shown}'"
        return RuleError("unknown-layer", message, facts=helps(self._help(reference)))

    def copies(self, node: ScalarNode) -> list[tuple[str, Flow]]:
        """The copies that `unit*` stands for, with their names: `unit0`, `unit1`, ...

        Those of the nearest group that has any; with `unit*.skip`, what is in each. Copies that
        are left out are no part of it. Raises Refusal where no copy is present.
        """
        written = node.text.strip()
        before, _, after = written.partition("*")
        *outer, name = before.split(".")
        inner = after.split(".")[1:]
        for group in self.outward():
            home = group.group_at(outer)
            numbers = home.numbers_of(name) if home else []
            if home and numbers:
                names = [f"{name}{number}" for number in numbers]
                values = [(n, home.inside(n, inner)) for n in names]
                found = [(f"{'.'.join([*outer, n])}{after}", v) for n, v in values if v is not None]
                if found:
                    return found
                message = f"no copy of '{printable(before)}' has a layer '{printable(after[1:])}'"
                help_text = self._help(f"{'.'.join([*outer, names[0]])}{after}")
                raise refusal("unknown-layer", message, node.span, help_text)
        raise self._no_copies(before, node)

    def _no_copies(self, reference: str, node: ScalarNode) -> Refusal:
        """The refusal of `reference*`, of which there is no copy."""
        shown = printable(reference)
        groups = list(self.outward())
        if any(reference in group.left_out for group in groups):
            message = f"every copy of '{shown}' is left out here, by its 'when' or 'repeat'"
            return refusal("unknown-layer", message, node.span)
        message = f"no earlier layers are called '{shown}0', '{shown}1' and so on"
        if self.find(reference) is not None:
            help_text = f"'{shown}' is one layer: write it without the '*'"
        else:
            copies = {n: n.rstrip("0123456789") for n in self.visible()}
            known = [stem for n, stem in copies.items() if stem and stem != n]
            from convcalc.spelling import did_you_mean, nearest  # only a mistake needs it

            help_text = did_you_mean(reference, [f"{n}*" for n in nearest(reference, known)])
        return refusal("unknown-layer", message, node.span, help_text)

    def group_at(self, names: list[str]) -> Group | None:
        """The group that these names lead to from here, one inside of the other."""
        found: Group | None = self
        for name in names:
            found = found.groups.get(name) if found else None
        return found

    def numbers_of(self, name: str) -> list[int]:
        """The numbers of the members called by a name and a number, in order."""
        end = len(name)
        digits = [other[end:] for other in self.values if other.startswith(name)]
        return sorted([int(text) for text in digits if text.isdigit() and str(int(text)) == text])

    def results_of(self, reference: str) -> str:
        """The names of the outputs of a network that has several; "" for other layers."""
        found = self.group_at(reference.split("."))
        while found is not None and not found.results:
            reference = f"{reference}.{found.last}"
            found = found.groups.get(found.last)
        if found is None:
            return ""
        return listed([f"{printable(reference)}.{name}" for name in found.results])

    def _help(self, reference: str) -> str:
        """The help for a name that no layer has."""
        from convcalc.language.hints.names import unknown_layer  # only a mistake needs it

        outward = list(self.outward())
        groups = {name: [*g.values] for o in reversed(outward) for name, g in o.groups.items()}
        return unknown_layer(reference, self.visible(), groups, bool(outward[-1].path))

    def as_layer(self, node: YamlNode, error: Refusal) -> Refusal:
        """The refusal of a word in a list of layers, with its own help if it names a layer."""
        if not isinstance(node, ScalarNode) or node.text == "input" or not self.find(node.text):
            return error  # that of `input` has its help already
        name = printable(node.text)
        message = f"'{name}' is an earlier layer, and a kind or block is needed here"
        help_text = f"its value is taken by 'from: {name}', and as a branch by {name} without [...]"
        return refusal("unknown-kind", message, node.span, help_text)

    def path_of_reference(self, reference: str) -> str:
        """The path of the layer that a name stands for."""
        head = reference.partition(".")[0]
        found: Group | None = self
        while found is not None and head not in found.values:
            found = found.outer
        return found.path_of(reference) if found else reference
