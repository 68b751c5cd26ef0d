"""What a format cannot say: the error for a layer that has no counterpart in it."""

from __future__ import annotations

from convcalc.graph import Node
from convcalc.problems import ConvcalcError, Problem


class NoCounterpart(Exception):
    """A format has nothing for this layer, or not with these arguments; the reason, or ""."""

    def refused(self, node: Node, target: str) -> ConvcalcError:
        """The error for a node of a network that is written as `target`: "ONNX"."""
        message = f"{node.kind} has no counterpart in {target}"
        if self.args:
            message += f" with these arguments: {self.args[0]}"
        problem = Problem("no-counterpart", message, node.span, (), node.calls)
        return ConvcalcError([problem.about(layer=node.path)])
