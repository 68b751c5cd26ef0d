"""Calls of blocks: the values of a block's arguments where it is called."""

from __future__ import annotations

from typing import Any

from convcalc.language.building.evaluation import Copy, Evaluator, scope_of
from convcalc.language.building.groups import Group
from convcalc.language.building.layers import LayerReader, given_twice
from convcalc.language.reading.document import Block, Parameter
from convcalc.language.reading.expressions import (
    Expression,
    ExpressionError,
    Scope,
    UnknownSizeError,
)
from convcalc.language.reading.items import Argument, Item, Refusal, is_empty, refusal
from convcalc.language.reading.nodes import ListNode, ScalarNode, YamlNode
from convcalc.problems import Reason, Related


class ArgumentBinder:
    """Evaluates the arguments of block calls."""

    def __init__(self, evaluator: Evaluator, layers: LayerReader) -> None:
        self._evaluator = evaluator
        self._layers = layers

    def bind(self, block: Block, copy: Copy, body: Group) -> dict[str, Any]:
        """The values of the block's arguments; None where a mistake leaves one out.

        `body` is the group of the block's layers. Records mistakes in single values; raises
        Refusal where the call as a whole is wrong.
        """
        item, first, flow, frame = copy.item, copy.first, copy.flow, copy.frame
        names = [parameter.name for parameter in block.parameters]
        positional: list[YamlNode] = []
        if isinstance(item.value, ListNode):
            positional = item.value.items
            if len(positional) > len(names):
                takes = f"{len(names)} argument{'s' if len(names) != 1 else ''}"
                raise refusal(
                    "bad-value",
                    f"{block.name} takes {takes}, not {len(positional)}",
                    positional[len(names)].span,
                    f"its signature is {block.key.text}",
                )
            written = Item(item.head, item.key, None)
            written.arguments = item.arguments
            written.first = item.first
            given, wrong = self._layers.arguments(written, first, block.name, names)
            for text, node in zip(names, positional, strict=False):
                if text in item.arguments:
                    raise given_twice(text, item.arguments[text].key, node)
                replaced = first is not None and text in first.entries
                if not replaced and isinstance(item.key, ScalarNode):
                    given[text] = Argument(item.key, node)
        else:
            given, wrong = self._layers.arguments(item, first, block.name, names)
        if wrong is not None:
            raise wrong
        scope = scope_of(frame, flow, hands_on=True)
        # The body is read even if an argument has no value; what depends on it is not checked.
        args = dict(frame.file.args)
        self._evaluator.spend(5 + len(args) // 30 + len(names), item.span)
        inner = scope_of(frame._replace(args=args, group=body, copy=None), flow)
        values: dict[str, Any] = {}
        missing = []
        for parameter in block.parameters:
            name = parameter.name
            if parameter.inherited and name not in given:
                continue
            value = None
            try:
                if name in given:
                    value = self._handed(name, given[name], scope)
                elif parameter.default is not None:
                    value = self._default(parameter, parameter.default, inner, item)
                else:
                    missing.append(f"'{name}'")
            except Refusal as error:
                self._evaluator.refused(error, frame, copy.path)
            except UnknownSizeError:
                pass
            args[name] = values[name] = value
        if missing:
            message = f"{block.name} needs {' and '.join(missing)}"
            help_text = f"its signature is {block.key.text}"
            wrong = refusal("missing-argument", message, item.span, help_text)
            self._evaluator.refused(wrong, frame, copy.path)
        return values

    def _handed(self, name: str, argument: Argument, scope: Scope) -> Any:
        if is_empty(argument.node):
            message = f"the value of '{name}' is missing"
            raise refusal("missing-value", message, argument.key.span)
        return self._evaluator.evaluate(argument.node, scope)

    def _default(self, parameter: Parameter, default: Expression, scope: Scope, item: Item) -> Any:
        try:
            value = default.evaluate(scope)
        except ExpressionError as error:
            shown = self._evaluator.explained(error, scope, None, bool(default.word))
            start = parameter.default_span
            span = start._replace(column=start.column + error.offset, width=max(error.width, 1))
            message = f"default of '{parameter.name}': {shown.message}"
            called = Related(Reason.CALL, item.span)
            raise refusal(shown.code, message, span, "", (called, *shown.facts)) from None
        self._evaluator.spend(default.size + scope.extra, item.span)
        scope.extra = 0
        return value
