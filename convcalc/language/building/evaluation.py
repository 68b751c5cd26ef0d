"""Evaluates the values of a spec in their scope, and collects what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from convcalc.language.building.groups import UNKNOWN, Flow, Group, nothing
from convcalc.language.reading.document import Block, Document
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
from convcalc.layers.fields import value_text
from convcalc.problems import (
    NOTHING,
    Call,
    Fact,
    Help,
    Problem,
    Rule,
    RuleError,
    Span,
    Subject,
    helps,
    printable,
)
from convcalc.record import Record

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


class File(Record):
    """A file whose layers are read, and the values of its arguments; None after a mistake."""

    document: Document
    args: dict[str, Any]


class Frame(NamedTuple):
    """What an expression can see where a layer stands, and the block calls that led there.

    file    where the layer is written: its blocks, defaults and words
    args    the arguments in scope
    group   the layers that can be named
    copy    which copy it is of the nearest repeated layer around; None outside of one
    blocks  the blocks that are being called, none of which may be called again
    """

    file: File
    args: dict[str, Any]
    group: Group
    copy: int | None = None
    calls: tuple[Call, ...] = ()
    blocks: tuple[Block, ...] = ()

    def within(self, group: Group) -> Frame:
        """The same inside of a group or branch."""
        return Frame(self.file, self.args, group, self.copy, self.calls, self.blocks)

    def in_copy(self, number: int) -> Frame:
        """The same in a copy of a repeated layer."""
        return Frame(self.file, self.args, self.group, number, self.calls, self.blocks)

    def find(self, name: str) -> Flow | None:
        """The value that a name stands for: what an argument holds, or an earlier layer's.

        An argument may hold a layer's value, or the word that is its name.
        """
        held = self.args.get(name)
        if isinstance(held, LayerReference):
            return Flow(held.node, held.shape)
        if held is None and name in self.args:
            return UNKNOWN
        found = self.group.find(name)
        if found is None and isinstance(held, str):
            found = self.group.find(held)
        return found

    def lookup(self, node: ScalarNode) -> Flow:
        """The value of a name as written; raises Refusal where there is none."""
        name = node.text.strip()
        return self.find(name) or nothing(self.missing(name), node)

    def missing(self, name: str) -> RuleError | None:
        """Why a name has no value; None where that may follow from an earlier mistake."""
        held = self.args.get(name, name)
        if not isinstance(held, str):
            message = f"'{name}' holds {value_text(held)}, and a layer is needed here"
            return RuleError("unknown-layer", message)
        return self.group.missing(held)

    def visible(self) -> list[str]:
        """All layers' names that can be looked up here."""
        return self.group.visible()


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
    frame: Frame
    number: int
    copies: int

    @property
    def path(self) -> str:
        """Its group path."""
        return self.frame.group.path_of(self.name)

    @property
    def first(self) -> MapNode | None:
        """The arguments that differ in this copy."""
        return self.item.first if self.number == 0 else None


class Misfit(Exception):
    """Raised where a mistake is found in a network that is a block: it may be of no use there."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.message)


class TooMany(Exception):
    """Raised after a problem that ends the reading."""


class Evaluator:
    """The file's arguments, every expression parsed, and the problems found so far.

    file  the file that was asked for, whose arguments are evaluated one after the other
    """

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
        #: What is no mistake, but may be meant otherwise.
        self.notes: list[Problem] = []
        self.file = File(document, {})
        self._expressions = {} if expressions is None else expressions
        #: How many networks that are blocks are being read, each in the one before.
        self.trials = 0
        self._found = 0
        self._seen: set[tuple[str, str, Span | None]] = set()

    def failing(self, error: RuleError) -> None:
        """Called with a rule that a layer breaks, before what is wrong is put into words."""

    def refuse(self, problem: Problem) -> None:
        """Records a problem; the same one in another copy of a layer is recorded once.

        Raises Misfit in a network that is a block.
        """
        if self.trials:
            raise Misfit(problem)
        self._record(problem)

    def _record(self, problem: Problem) -> None:
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
        self._record(problem)
        raise TooMany

    def too_many_layers(self, span: Span, found: int, calls: tuple[Call, ...] = ()) -> None:
        self.stop(
            Problem(
                "too-many-layers",
                f"the network would have at least {value_text(found)} layers",
                span,
                layer_limit(self.max_layers),
                calls,
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
                shown = _word_with_dashes(node.text, choices) if choices and error.word else None
                raise at(node, shown or self.explained(error, scope, choices, alone)) from None
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
        value = self.evaluate(when, scope_of(frame, entering), ())
        if not isinstance(value, bool):
            raise refusal(
                "bad-value",
                f"when must be true or false, not {value_text(value)}",
                when.span,
                "compare it, as in 'when: s > 1'",
            )
        return value

    def file_scope(self, file: File | None = None) -> Scope:
        """A file's own scope: its arguments, with no value entering."""
        file = file or self.file
        return Scope(file.args, file.document.words, entering=False)

    def file_frame(self, top: Group | None = None) -> Frame:
        """The top of the file, where no block is called, with the group of its layers."""
        return Frame(self.file, self.file.args, top or Group("", None))

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
        from convcalc.language.hints.foreign import foreign_word, word_remark
        from convcalc.language.hints.names import unknown_name  # only a mistake needs them

        word = error.word
        if not word:
            return error
        if error.code == "unknown-layer" and scope.layers is not None:
            self.steps += len(scope.layers.visible()) // 4
            why = scope.layers.missing(word)
            if why is None:
                raise UnknownSizeError
            offset, width = error.offset, error.width
            return ExpressionError(why.code, why.message, offset, "", width, word, why.facts)
        offered = [*scope.words] if choices is None else choices if alone else ()
        ours = foreign_word(word, offered)
        if ours:
            message = f"'{printable(word)}' is called '{ours}' here"
            remark = word_remark(word)
            return ExpressionError("foreign-name", message, error.offset, remark, error.width)
        layers = scope.layers.visible() if scope.layers and scope.hands_on and alone else []
        message = error.message
        if layers:
            message = (
                f"'{printable(word)}' is neither an argument in scope, nor an earlier layer, nor a"
                " word of the language"
            )
        # The search for similar names, of which a file may have a hundred thousand.
        self.steps += (len(scope.args) + len(layers)) // 4
        later = word in self.file.document.args
        help_text = unknown_name(
            word,
            [*scope.args],
            layers,
            offered,
            chosen=choices is not None,
            later=later,
            repeated=scope.copy is not None,
        )
        return ExpressionError(error.code, message, error.offset, help_text, error.width)

    def constant(self, node: YamlNode) -> bool:
        """Whether a value is the same in every copy."""
        if isinstance(node, ScalarNode):
            return parse_scalar(node, self._expressions).constant
        if isinstance(node, ListNode):
            return all([self.constant(item) for item in node.items])
        return False


def _word_with_dashes(text: str, choices: Sequence[str]) -> ExpressionError | None:
    """The error of a word that another library writes with dashes, which are minus signs here."""
    from convcalc.language.hints.foreign import foreign_word, word_remark

    word = text.strip()
    ours = foreign_word(word, choices) if "-" in word else ""
    if not ours:
        return None
    message = f"'{printable(word)}' is called '{ours}' here"
    return ExpressionError("foreign-name", message, 0, word_remark(word), len(word))


def scope_of(frame: Frame, flow: Flow | None, *, hands_on: bool = False) -> Scope:
    """The scope of expressions of a layer that this value enters.

    hands_on  whether they are arguments of a block, which may be names of layers
    """
    return Scope(
        frame.args,
        frame.file.document.words,
        flow.shape if flow else None,
        entering=flow is not None,
        layers=frame,
        hands_on=hands_on,
        copy=frame.copy,
    )
