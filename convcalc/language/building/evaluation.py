"""Evaluates the values of a spec in their scope, and collects what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from convcalc.language.building.groups import Flow, Group
from convcalc.language.keys import GROUP
from convcalc.language.reading.document import Document
from convcalc.language.reading.expressions import (
    Expression,
    ExpressionError,
    LayerReference,
    Scope,
    UnknownSizeError,
    bounded_length,
    bounded_list,
)
from convcalc.language.reading.items import Item, Refusal, at, parse_scalar, refusal
from convcalc.language.reading.nodes import MOST_PROBLEMS, ListNode, MapNode, ScalarNode, YamlNode
from convcalc.layers import CHOICES, KINDS
from convcalc.layers.fields import value_text
from convcalc.problems import (
    NOTHING,
    Call,
    Fact,
    Help,
    Problem,
    Rule,
    Span,
    Subject,
    helps,
    printable,
)

#: Layers in a network, and copies that `repeat` may make in all, unless `--max-layers` says
#: otherwise. Every command reads and analyses so many in ten seconds and a gigabyte on two cores.
MOST_LAYERS = 30_000
#: Steps of reading that each layer may take on average. A step is about a microsecond.
STEPS = 60
#: Of fewer layers reading may take as many steps as of these.
_FEW_LAYERS = 1000
#: Problems that are found, those that were found in another copy included.
_MOST_FOUND = 1000


def layer_limit(most: int) -> tuple[Fact, ...]:
    """The limit on layers as facts: how many may be, and what raises it."""
    return (Rule(f"at most {most} layers"), Help("--max-layers N allows more"))


class Frame(NamedTuple):
    """A scope during elaboration: the arguments in it, and the block calls that led to it."""

    args: dict[str, Any]
    calls: tuple[Call, ...]
    blocks: tuple[str, ...]


class Copy(NamedTuple):
    """One copy of an item at its place.

    target  the kind, block or group that it is
    name    what it is called in its group
    flow    the value that enters; None where none does
    number  which copy it is, of how many `copies`
    """

    item: Item
    target: str
    name: str
    flow: Flow | None
    group: Group
    frame: Frame
    number: int
    copies: int

    @property
    def path(self) -> str:
        """Its group path."""
        return self.group.path_of(self.name)

    @property
    def first(self) -> MapNode | None:
        """The arguments that differ in this copy."""
        return self.item.first if self.number == 0 else None


class TooMany(Exception):
    """Raised after a problem that ends the reading."""


class Evaluator:
    """The file's arguments, every expression parsed, and the problems found so far."""

    def __init__(
        self,
        document: Document,
        expressions: dict[str, Expression] | None = None,
        max_layers: int = MOST_LAYERS,
    ) -> None:
        self.max_layers = max_layers
        self._most_steps = STEPS * max(max_layers, _FEW_LAYERS)
        #: The steps that reading took so far.
        self.steps = 0
        self.problems: list[Problem] = list(document.problems)
        self.words = dict.fromkeys([*KINDS, *CHOICES, GROUP, *document.blocks])
        self.args: dict[str, Any] = {}
        self._document_args = document.args
        self._expressions = {} if expressions is None else expressions
        self._found = 0
        self._seen: set[tuple[str, str, Span | None]] = set()

    def refuse(self, problem: Problem) -> None:
        """Records a problem; the same one in another copy of a layer is recorded once."""
        key = (problem.code, problem.message, problem.span)
        self._found += 1
        if key in self._seen:
            if self._found > _MOST_FOUND or self.steps > self._most_steps:
                raise TooMany
            return
        self._seen.add(key)
        self.problems.append(problem)
        if len(self.problems) >= MOST_PROBLEMS:
            raise TooMany

    def wrong(
        self,
        code: str,
        message: str,
        node: YamlNode | None,
        help_text: str = "",
        subject: Subject = NOTHING,
    ) -> None:
        """Records a problem of a node outside of any layer."""
        span = node.span if node else None
        self.refuse(Problem(code, message, span, helps(help_text), (), subject))

    def refused(self, refusal: Refusal, frame: Frame, name: str = "") -> None:
        """Records the problems of a Refusal, as those of the layer `name`."""
        for problem in refusal.problems:
            self.refuse(problem._replace(calls=frame.calls).about(layer=name))

    def stop(self, problem: Problem) -> None:
        """Records a problem and gives up."""
        self.refuse(problem)
        raise TooMany

    def too_many_layers(self, span: Span, found: int, frame: Frame) -> None:
        self.stop(
            Problem(
                "too-many-layers",
                f"the network would have at least {value_text(found)} layers",
                span,
                layer_limit(self.max_layers),
                frame.calls,
            )
        )

    def spend(self, steps: int, span: Span) -> None:
        """Counts steps of reading; gives up where they are too many."""
        self.steps += steps
        if self.steps > self._most_steps:
            if self.problems:
                raise TooMany
            message = "the file takes too many steps to read: values, branches, names and calls"
            facts = (Rule(f"at most {self._most_steps} steps"), Help("--max-layers N allows more"))
            self.stop(Problem("too-many-steps", message, span, facts))

    def evaluate(self, node: YamlNode, scope: Scope, choices: Sequence[str] | None = None) -> Any:
        """The value of a scalar or a list; raises Refusal or UnknownSizeError.

        `choices` are the words that the field takes besides expressions, for the help of an error;
        None where it takes any.
        """
        if isinstance(node, ScalarNode):
            expression = parse_scalar(node, self._expressions)
            try:
                value = expression.evaluate(scope)
            except ExpressionError as error:
                alone = bool(expression.word)
                raise at(node, self.explained(error, scope, choices, alone)) from None
            self.spend(expression.size + scope.extra, node.span)
            scope.extra = 0
            return value
        if isinstance(node, ListNode):
            try:
                bounded_length(node.items)
                return bounded_list([self.evaluate(item, scope, choices) for item in node.items])
            except ExpressionError as error:
                raise refusal(error.code, error.message, node.span) from None
        raise refusal(
            "bad-value",
            "a number, a word or a list is needed here, not a mapping",
            node.span,
            "one number per axis is a list: [3, 5]",
        )

    def holds(self, when: YamlNode, entering: Flow | None, frame: Frame) -> bool:
        """Whether a condition holds; raises Refusal or UnknownSizeError."""
        value = self.evaluate(when, self.scope(frame, entering), ())
        if not isinstance(value, bool):
            raise refusal(
                "bad-value",
                f"when must be true or false, not {value_text(value)}",
                when.span,
                "compare it, as in 'when: s > 1'",
            )
        return value

    def file_scope(self) -> Scope:
        """The file's own scope: its arguments, with no value entering."""
        return Scope(self.args, self.words, entering=False)

    def file_frame(self) -> Frame:
        """The top of the file, where no block is called."""
        return Frame(self.args, (), ())

    def file_value(self, node: YamlNode, choices: Sequence[str] | None = ()) -> Any:
        """A value in the file's own scope; None after a mistake, which is recorded."""
        try:
            return self.evaluate(node, self.file_scope(), choices)
        except Refusal as error:
            self.refused(error, self.file_frame())
        except UnknownSizeError:
            pass  # an argument it needs is wrong, which is reported already
        return None

    def attempt(self, node: ScalarNode, scope: Scope) -> Any:
        """The value of a scalar; raises errors without help, which takes time to find."""
        return parse_scalar(node, self._expressions).evaluate(scope)

    def explained(
        self, error: ExpressionError, scope: Scope, choices: Sequence[str] | None, alone: bool
    ) -> ExpressionError:
        """The error of an unknown name with the help that fits its field."""
        from convcalc.language.hints.foreign import foreign_word  # only a mistake needs them
        from convcalc.language.hints.names import unknown_name

        word = error.word
        if not word:
            return error
        offered = [*self.words] if choices is None else choices if alone else ()
        ours = foreign_word(word, offered)
        if ours:
            message = f"'{printable(word)}' is called '{ours}' here"
            return ExpressionError("foreign-name", message, error.offset, "", error.width)
        layers = scope.layers() if scope.layers and alone else []
        message = error.message
        if layers:
            message = (
                f"'{printable(word)}' is neither an argument in scope, nor an earlier layer, nor a"
                " word of the language"
            )
        # The search for similar names, of which a file may have a hundred thousand.
        self.steps += (len(scope.args) + len(layers)) // 4
        later = word in self._document_args
        chosen = choices is not None
        help_text = unknown_name(word, [*scope.args], layers, offered, chosen=chosen, later=later)
        return ExpressionError(error.code, message, error.offset, help_text, error.width)

    def constant(self, node: YamlNode) -> bool:
        """Whether a value is the same in every copy."""
        if isinstance(node, ScalarNode):
            return parse_scalar(node, self._expressions).constant
        if isinstance(node, ListNode):
            return all([self.constant(item) for item in node.items])
        return False

    def scope(self, frame: Frame, flow: Flow | None, group: Group | None = None) -> Scope:
        find = names = None
        if group is not None:
            names = group.visible

            def find(name: str) -> LayerReference | None:
                found = group.find(name)
                return LayerReference(name, *found) if found else None

        shape = flow.shape if flow else None
        return Scope(frame.args, self.words, shape, find, flow is not None, names)
