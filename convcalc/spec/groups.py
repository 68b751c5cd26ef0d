"""Values on their way through a network, and the names they have been given."""

from __future__ import annotations

from typing import NamedTuple

from convcalc.diagnostics import did_you_mean, printable
from convcalc.shapes import Shape
from convcalc.spec.items import Refusal
from convcalc.spec.reader import ScalarNode


class Flow(NamedTuple):
    """A value on its way: the node that makes it and its shape; both None after a mistake."""

    node: int | None
    shape: Shape | None


UNKNOWN = Flow(None, None)


class Group:
    """Layers with names of their own: a list, a block's body, a branch.

    outer is the group in which a reference goes on looking; None at a block's border.
    """

    __slots__ = ("counters", "groups", "last", "left_out", "outer", "path", "values")

    def __init__(self, path: str, outer: Group | None) -> None:
        self.path = path
        self.outer = outer
        self.values: dict[str, Flow] = {}
        self.groups: dict[str, Group] = {}
        self.counters: dict[str, int] = {}
        self.left_out: set[str] = set()
        self.last = ""

    def path_of(self, name: str) -> str:
        """The path of a member."""
        return f"{self.path}.{name}" if self.path else name

    def find(self, reference: str) -> Flow | None:
        """The value of a name, looked up here, then outward."""
        group: Group | None = self
        head, *inner = reference.split(".")
        while group is not None:
            if head in group.values:
                found: Group | None = group
                value: Flow | None = group.values[head]
                name = head
                for part in inner:
                    found = found.groups.get(name) if found else None
                    value = found.values.get(part) if found else None
                    name = part
                return value
            group = group.outer
        return None

    def known(self) -> list[str]:
        """Every name that a reference from here can use first."""
        names: list[str] = []
        group: Group | None = self
        while group is not None:
            names += group.values
            group = group.outer
        return names

    def count(self, prefix: str) -> str:
        """A name for an unnamed layer: the prefix and the next number that is free."""
        number = self.counters.get(prefix, 0)
        while f"{prefix}{number}" in self.values:
            number += 1
        self.counters[prefix] = number + 1
        return f"{prefix}{number}"

    def lookup(self, node: ScalarNode) -> Flow:
        """The value of a name as written; raises Refusal where there is none."""
        found = self.find(node.text)
        if found is not None:
            return found
        shown = printable(node.text)
        if node.text.split(".")[0] in self.left_out:
            raise Refusal(
                "unknown-layer",
                f"the layer '{shown}' is left out here, by its 'when' or 'repeat'",
                node.span,
            )
        known = self.known()
        if f"{node.text}0" in known:
            help_text = f"its copies are called '{shown}0', '{shown}1', ..."
        else:
            help_text = did_you_mean(node.text, known)
        message = f"no earlier layer is called '{shown}'"
        raise Refusal("unknown-layer", message, node.span, help_text)

    def path_of_reference(self, reference: str) -> str:
        """The path of the layer that a name stands for."""
        head = reference.split(".")[0]
        found: Group | None = self
        while found is not None and head not in found.values:
            found = found.outer
        return found.path_of(reference) if found else reference
