"""Evaluating a spec's values in their scope, and noting what is wrong with them."""

from __future__ import annotations

from typing import Any, NamedTuple

from convcalc.diagnostics import Call, Problem, Source, Span
from convcalc.layers import CHOICES, KINDS
from convcalc.layers.fields import value_text
from convcalc.spec.document import Document
from convcalc.spec.expressions import Expression, ExpressionError, LayerReference, Scope
from convcalc.spec.foreign import foreign_word
from convcalc.spec.groups import Flow, Group
from convcalc.spec.items import GROUP, Refusal, at, parse_scalar
from convcalc.spec.reader import ListNode, ScalarNode, YamlNode

#: Layers in a network, and copies that `repeat` may make in all.
MOST_LAYERS = 1_000_000
#: Problems told in one run.
MOST_PROBLEMS = 100


class Frame(NamedTuple):
    """Where elaboration stands: names in scope, and the block calls around."""

    args: dict[str, Any]
    calls: tuple[Call, ...]
    blocks: tuple[str, ...]


class TooMany(Exception):
    """A problem after which going on makes no sense."""


class Evaluator:
    """The file's arguments, every expression parsed, and the problems found so far."""

    def __init__(self, document: Document) -> None:
        self.problems: list[Problem] = list(document.problems)
        self.words = dict.fromkeys([*KINDS, *CHOICES, GROUP, *document.blocks])
        self.args: dict[str, Any] = {}
        self._expressions: dict[str, Expression] = {}
        self._seen: set[tuple[str, Span | None]] = set()

    def refuse(self, problem: Problem) -> None:
        """Notes a problem; the same one in another copy is told once."""
        key = (problem.code, problem.span)
        if key in self._seen:
            return
        self._seen.add(key)
        self.problems.append(problem)
        if len(self.problems) >= MOST_PROBLEMS:
            raise TooMany

    def locate_last(self, source: Source) -> None:
        """Gives the last problem, about what a file lacks, the file's first line as its place."""
        self.problems[-1] = self.problems[-1]._replace(span=Span(source, 1, 1))

    def refused(self, refusal: Refusal, frame: Frame, name: str = "") -> None:
        """Notes a Refusal."""
        message = f"{name}: {refusal.message}" if name else refusal.message
        self.refuse(Problem(refusal.code, message, refusal.span, refusal.facts, frame.calls))

    def stop(self, problem: Problem) -> None:
        """Notes a problem and gives up."""
        self.refuse(problem)
        raise TooMany

    def too_many_layers(self, span: Span, found: int, frame: Frame) -> None:
        self.stop(
            Problem(
                "too-many-layers",
                f"the network would have at least {value_text(found)} layers",
                span,
                (("rule", f"at most {MOST_LAYERS} layers"),),
                frame.calls,
            )
        )

    def evaluate(self, node: YamlNode, scope: Scope) -> Any:
        """The value of a scalar or a list; raises Refusal or UnknownSizeError."""
        if isinstance(node, ScalarNode):
            expression = parse_scalar(node, self._expressions)
            try:
                return expression.evaluate(scope)
            except ExpressionError as error:
                raise self._explained(node, error) from None
        if isinstance(node, ListNode):
            return [self.evaluate(item, scope) for item in node.items]
        raise Refusal(
            "bad-value", "a number, a word or a list is needed here, not a mapping", node.span
        )

    def _explained(self, node: ScalarNode, error: ExpressionError) -> Refusal:
        if error.code == "unknown-name" and self._expressions[node.text].word:
            ours = foreign_word(node.text.strip())
            if ours:
                error.help = f"it is called '{ours}' here"
        return at(node, error)

    def constant(self, node: YamlNode) -> bool:
        """Whether a value is the same in every copy."""
        if isinstance(node, ScalarNode):
            return parse_scalar(node, self._expressions).constant
        if isinstance(node, ListNode):
            return all([self.constant(item) for item in node.items])
        return False

    def scope(self, frame: Frame, flow: Flow | None, group: Group | None = None) -> Scope:
        find = None
        if group is not None:

            def find(name: str) -> LayerReference | None:
                found = group.find(name)
                return LayerReference(name, *found) if found else None

        return Scope(frame.args, self.words, flow.shape if flow else None, find, flow is not None)
