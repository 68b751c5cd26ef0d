"""Paths of a network's nodes, made of what a file calls its operations.

Exporters write the modules around an operation into its name, `/layer1/layer1.0/conv1/Conv`, or
beside it, or only into the names of its weights, `layer1.0.conv1.weight`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from convcalc.exchange.onnx.inference import is_weight, named_by_module
from convcalc.exchange.onnx.values import Constant, Op
from convcalc.exchange.onnx.wire import Node

#: What stands behind a module's name in that of its weight.
_WEIGHTS = ("weight", "bias", "running_mean", "running_var", "gamma", "beta", "kernel")
_ILLEGAL = re.compile(r"[^A-Za-z0-9_-]+", re.ASCII)
#: The longest name of a module, and the most that are inside of each other.
_LONGEST, _DEEPEST = 60, 12

Scope = tuple[str, ...]


def module_of(op: Op) -> Scope:
    """The names of the modules around an operation, outermost first; none where nothing says.

    >>> module_of(Op("Conv", "/layer1/layer1.0/conv1/Conv", [], {}, 17))
    ('layer1', '0', 'conv1')
    >>> module_of(Op("Conv", "node_Conv_809", [], {}, 20))
    ()
    """
    if "/" in op.node:
        return _nested(op.node.split("/")[:-1])
    for value in op.inputs[1:]:
        if isinstance(value, Constant) and is_weight(value) and named_by_module(value.name):
            return _cleaned(_without_weight(value.name.split(".")))
    if op.scopes:
        return _nested(re.findall(r"'([^']*)'", op.scopes)[:-1])
    return ()


def module_of_node(node: Node) -> Scope:
    """The same of a node in the file, whose weights are not looked at."""
    return module_of(Op(node.op, node.name, [], {}, 0, node.scopes))


def last_in_module(nodes: Sequence[Node], name: str) -> Node | None:
    """The last node of a module, whose path is that of the network's nodes: `layer2.1`."""
    wanted = tuple(name.split("."))
    for node in reversed(nodes):
        module = module_of_node(node)
        if node.outputs and module[: len(wanted)] == wanted:
            return node
    return None


def _without_weight(names: list[str]) -> list[str]:
    """The module of a weight: `conv1` of `conv1.weight` and of `conv1.weight_bias`."""
    last = names[-1]
    return names[:-1] if len(names) > 1 and last.startswith(_WEIGHTS) else names


def _nested(parts: Iterable[str]) -> Scope:
    """Names of modules, each of which may repeat the one around it: `layer1`, `layer1.0`."""
    found: list[str] = []
    around = ""
    for part in parts:
        inner = part[len(around) + 1 :] if around and part.startswith(f"{around}.") else part
        found += inner.split(".")
        around = part
    return _cleaned(found)


def of_weight(name: str) -> Scope:
    """The path that a weight's own name gives; none where an exporter made it up.

    >>> of_weight("encoder.pos_embed"), of_weight("onnx::Add_12")
    (('encoder', 'pos_embed'), ())
    """
    if not named_by_module(name) and not re.fullmatch(r"[a-z]+_[a-z_]*[a-z]", name, re.ASCII):
        return ()
    return _cleaned(name.split("."))


def _cleaned(names: Iterable[str]) -> Scope:
    """Names of letters, digits, `_` and `-`."""
    found = []
    for name in names:
        # Most names are legal, and a look is cheaper than a substitution.
        legal = name if name.isalnum() and name.isascii() else _ILLEGAL.sub("_", name).strip("_")
        if legal:
            found.append("input_" if legal == "input" else legal[:_LONGEST])
    return tuple(found[:_DEEPEST])


class Paths:
    """Gives each node of a network a path of its own.

    containers  modules that have others inside, whose names no node can have
    """

    def __init__(self, scopes: Iterable[Scope]) -> None:
        self.containers: set[Scope] = set()
        self._taken: set[str] = set()
        self._next: dict[tuple[Scope, str], int] = {}
        for scope in scopes:
            for length in range(1, len(scope)):
                self.containers.add(scope[:length])

    def path(self, scope: Scope, prefix: str) -> str:
        """A path in a module, or the module's own, where it has nothing inside."""
        if scope and scope not in self.containers:
            path = ".".join(scope)
            if path not in self._taken:
                self._taken.add(path)
                return path
            return self._numbered(scope[:-1], f"{scope[-1]}_", 1)
        return self._numbered(scope, prefix, 0)

    def take(self, path: str) -> bool:
        """Takes this path, if no node has it."""
        free = path not in self._taken
        self._taken.add(path)
        return free

    def named(self, name: str) -> str:
        """A path of one name, as near to that of the file as can be."""
        legal = _ILLEGAL.sub("_", name).strip("_")[:_LONGEST] or "value"
        if legal == "input" or legal in self._taken or (legal,) in self.containers:
            return self._numbered((), f"{legal}_", 1)
        self._taken.add(legal)
        return legal

    def _numbered(self, scope: Scope, prefix: str, start: int) -> str:
        key = (scope, prefix)
        number = self._next.get(key, start)
        group = "".join([f"{name}." for name in scope])
        while True:
            path = f"{group}{prefix}{number}"
            number += 1
            if path not in self._taken and (*scope, f"{prefix}{number - 1}") not in self.containers:
                break
        self._next[key] = number
        self._taken.add(path)
        return path
