"""Expressions: what every scalar of a spec is.

Arithmetic is exact: integers, and fractions where a decimal or a division makes one. An expression
is parsed once and evaluated for each copy of the layer that holds it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from convcalc.language.keys import LAYER_FUNCTIONS
from convcalc.layers.fields import value_text
from convcalc.problems import Fact, RuleError, helps, printable
from convcalc.record import Record
from convcalc.symbols import compact, counted, larger, positive, settled, smaller, unknown, whole

if TYPE_CHECKING:
    from fractions import Fraction

    #: A word (of a kind, a choice, a block) is a str.
    Value: TypeAlias = "int | Fraction | str | list[Any] | LayerReference"

#: No intermediate number may need more bits.
WIDEST = 4096
#: Operators, names and numbers in one expression.
LONGEST = 200
#: Items in a list, those of lists in it included, and lists within lists.
LONGEST_LIST = 1000
DEEPEST_LIST = 8

_NUMBER_FUNCTIONS = ("abs", "ceil", "divisible", "floor", "len", "max", "min", "round", "sum")
FUNCTIONS = (*_NUMBER_FUNCTIONS, *LAYER_FUNCTIONS)


class ExpressionError(RuleError):
    """A scalar that is no expression, or has no value.

    offset, width  the part of its text that is wrong; width 0 from the offset on
    word           the unknown name, if that is what is wrong
    facts          what else is known
    """

    def __init__(
        self,
        code: str,
        message: str,
        offset: int = 0,
        help_text: str = "",
        width: int = 0,
        word: str = "",
        facts: Sequence[Fact] = (),
    ) -> None:
        self.offset = offset
        self.width = width
        self.word = word
        super().__init__(code, message, facts=(*facts, *helps(help_text)))


class UnknownSizeError(Exception):
    """A name whose value an earlier mistake left unknown: `in_channels`, say, or an argument."""


class LayerReference(Record):
    """A layer's name handed to a block, already looked up where the call stands."""

    name: str
    node: int | None
    shape: tuple[int, ...] | None


class Layers(Protocol):
    """The layers whose names have a value where an expression stands."""

    def find(self, name: str) -> tuple[int | None, tuple[int, ...] | None] | None:
        """The node and shape that a name stands for; None where it names no layer."""

    def missing(self, name: str) -> RuleError | None:
        """Why a name has no value; None where that may follow from an earlier mistake."""

    def visible(self) -> list[str]:
        """All those names, for the help of an error."""


class Scope:
    """The names that an expression can use.

    args      arguments in scope, with their values; None after a mistake
    words     kinds, choices and blocks: words that stand for themselves
    shape     of the value that enters the layer; None where it is not known
    entering  whether a value enters here at all: none does in the file's own args
    layers    the layers that can be named
    hands_on  whether a layer's name is a value here: an argument of a block
    copy      which copy of a repeated layer it is; None where nothing is repeated
    extra     what evaluations took beyond the sizes of expressions: long lists, wide fractions
    """

    __slots__ = ("args", "copy", "entering", "extra", "hands_on", "layers", "shape", "words")

    def __init__(
        self,
        args: Mapping[str, Value],
        words: Mapping[str, object],
        shape: tuple[int, ...] | None = None,
        *,
        entering: bool = True,
        layers: Layers | None = None,
        hands_on: bool = False,
        copy: int | None = None,
    ) -> None:
        self.args = args
        self.words = words
        self.shape = shape
        self.entering = entering
        self.layers = layers
        self.hands_on = hands_on
        self.copy = copy
        self.extra = 0

    def lookup(self, name: str, offset: int) -> Value:
        """The value of a name; raises ExpressionError with the nearest names."""
        if name in self.args:
            value = self.args[name]
            if value is None:
                raise UnknownSizeError
            return value
        if name in ("in_channels", "in_size"):
            if not self.entering:
                raise ExpressionError(
                    "unknown-name", f"'{name}' has no value here: no layer is entered", offset
                )
            if self.shape is None:
                raise UnknownSizeError
            return self.shape[0] if name == "in_channels" else list(self.shape[1:])
        if name == "copy":
            if self.copy is None:
                raise ExpressionError(
                    "unknown-name",
                    "'copy' has no value here: no 'repeat' is written around it",
                    offset,
                    "write it in a layer with 'repeat'; a block does not see that of its caller,"
                    " and is handed it as an argument",
                    len(name),
                )
            return self.copy
        if name in self.words:
            return name
        if self.hands_on and self.layers is not None:
            found = self.layers.find(name)
            if found is not None:
                return LayerReference(name, *found)
        if name in FUNCTIONS:
            raise ExpressionError(
                "bad-expression", f"the function '{name}' needs brackets: {name}(...)", offset
            )
        raise ExpressionError(
            "unknown-name",
            f"'{printable(name)}' is neither an argument in scope nor a word of the language",
            offset,
            "",  # the evaluator, which knows the field, finds what was meant
            len(name),
            name,
        )

    def shape_of(self, name: str, offset: int) -> tuple[int, ...]:
        """The shape of a layer's value, for a function that takes its name."""
        if self.layers is None:
            message = f"'{printable(name)}' has no value here: no layer comes before"
            raise ExpressionError("unknown-name", message, offset, "", len(name))
        found = self.layers.find(name)
        if found is None:
            message = f"no earlier layer is called '{printable(name)}'"
            raise ExpressionError("unknown-layer", message, offset, "", len(name), name)
        _, shape = found
        if shape is None:
            raise UnknownSizeError
        # A name is looked up in all groups around, and goes into others.
        self.extra += 5 + name.count(".")
        return shape


Evaluate = Callable[[Scope], Any]


class Expression:
    """A parsed scalar. `constant` is true if it has the same value in every scope.

    size  its operators, names and numbers: about the microseconds that an evaluation takes, to
          which `Scope.extra` adds what depends on the values
    """

    __slots__ = ("constant", "evaluate", "size", "word")

    def __init__(self, evaluate: Evaluate, constant: bool, word: str = "", size: int = 1) -> None:
        self.evaluate = evaluate
        self.constant = constant
        self.size = size
        #: The name, where the expression is nothing but a name.
        self.word = word


_TOKEN = re.compile(
    rf"""\s*(?:
      (?P<number> (?: \d [\d_]* (?: \.\d* )? | \.\d+ ) (?: [eE][+-]?\d+ )? )
    | (?P<layer> (?: {"|".join(LAYER_FUNCTIONS)} ) \s* \( \s* [\w.-]+ \s* \) )
    | (?P<name> [A-Za-z_]\w* (?: \. [A-Za-z_]\w* )* )
    | (?P<operator> \*\* | // | <= | >= | == | != | [-+*/%<>(),\[\]] )
    )""",
    re.VERBOSE | re.ASCII,
)

_DECIMAL = re.compile(r"(?:0|[1-9][0-9]*)\Z", re.ASCII)


def parse(text: str) -> Expression:
    """The expression that a scalar's text is; raises ExpressionError.

    >>> parse("2 + 3 * 4").evaluate(Scope({}, {}))
    14
    >>> str(parse("0.1 + 0.2").evaluate(Scope({}, {})))
    '3/10'
    """
    if _DECIMAL.match(text) and len(text) < 40:
        number = int(text)
        return Expression(lambda _: number, constant=True)
    if text in {"true", "false"}:
        truth = text == "true"
        return Expression(lambda _: truth, constant=True)
    return _Parser(text).parse()


class _Token(NamedTuple):
    kind: str
    text: str
    offset: int


_END = "end"


def _equal(a: Any, b: Any) -> bool:
    """Equality; true and false are no numbers, though Python's bool is an int."""
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": _equal,
    "!=": lambda a, b: not _equal(a, b),
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_KEYWORDS = ("and", "or", "not", "if", "else", "true", "false", "in", "is", "lambda", "for")


class _Parser:
    """Precedence climbing, one method a level, loosest first."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = self._scan(text)
        self.position = 0
        self.depth = 0
        self.constant = True

    def _scan(self, text: str) -> list[_Token]:
        if text.lstrip().startswith("."):
            if re.match(r"\.(inf|nan)\b", text.strip(), re.IGNORECASE):
                raise ExpressionError(
                    "bad-number", f"'{printable(text)}' is not a number", 0, "numbers are finite"
                )
        tokens: list[_Token] = []
        offset = 0
        end = len(text.rstrip())
        while offset < end:
            match = _TOKEN.match(text, offset)
            if match is None or match.lastgroup is None:
                raise _bad_character(text, offset)
            start = match.start(match.lastgroup)
            token = _Token(match.lastgroup, match[match.lastgroup], start)
            offset = match.end()
            if (
                token.kind == "number"
                and offset < end
                and (text[offset].isalnum() or text[offset] in "_.")
            ):
                raise _bad_number(text, start)
            tokens.append(token)
            if len(tokens) > LONGEST:
                raise ExpressionError(
                    "expression-too-long",
                    f"an expression may have at most {LONGEST} numbers, names and operators",
                    start,
                    "name its parts under 'args'",
                )
        tokens.append(_Token(_END, "", end))
        return tokens

    @property
    def token(self) -> _Token:
        return self.tokens[self.position]

    def _take(self, *texts: str) -> _Token | None:
        token = self.token
        if token.text in texts and token.kind != "number":
            self.position += 1
            return token
        return None

    def _expect(self, text: str, opened: _Token) -> None:
        if self._take(text) is None:
            if self.token.text == ",":
                raise self._unexpected()
            raise ExpressionError(
                "bad-expression",
                f"'{opened.text}' is not closed by '{text}'",
                opened.offset,
                "inside {...} and [...] an expression with a comma or a bracket needs quotes",
            )

    def parse(self) -> Expression:
        if self.token.kind == _END:
            raise ExpressionError("missing-value", "a value is missing")
        evaluate = self._condition()
        if self.token.kind != _END:
            raise self._unexpected()
        words = [token for token in self.tokens if token.kind == "name"]
        alone = len(self.tokens) == 2 and words and words[0].text not in _KEYWORDS
        word = words[0].text if alone else ""
        return Expression(evaluate, self.constant, word, len(self.tokens) - 1)

    def _unexpected(self) -> ExpressionError:
        from convcalc.language.hints import expressions as hints  # only a mistake needs it

        token = self.token
        if token.kind == _END:
            return ExpressionError(
                "bad-expression",
                "the expression ends too early",
                max(token.offset - 1, 0),
                hints.ended(self.text),
            )
        before = self.tokens[self.position - 1] if self.position else token
        if token.text == "(" and before.kind == "name":
            from convcalc.spelling import did_you_mean  # only a mistake needs it

            return ExpressionError(
                "unknown-function",
                f"there is no function '{printable(before.text)}'",
                before.offset,
                hints.called(before.text, self.text.strip())
                or did_you_mean(before.text, FUNCTIONS),
                len(before.text),
            )
        return ExpressionError(
            "bad-expression",
            f"'{printable(token.text)}' is not expected here",
            token.offset,
            hints.unexpected(token.text, self.text),
            len(token.text),
        )

    def _condition(self) -> Evaluate:
        self.depth += 1
        if self.depth > 40:
            raise ExpressionError(
                "expression-too-long", "brackets are nested too deep", self.token.offset
            )
        value = self._or()
        if self._take("if"):
            condition = _boolean(self._or(), self.token.offset)
            if self._take("else") is None:
                raise ExpressionError("bad-expression", "'if' needs 'else'", self.token.offset)
            other = self._condition()
            chosen = value
            value = lambda scope: chosen(scope) if condition(scope) else other(scope)  # noqa: E731
        self.depth -= 1
        return value

    def _or(self) -> Evaluate:
        parts = [self._and()]
        while token := self._take("or"):
            parts[-1] = _boolean(parts[-1], token.offset)
            parts.append(_boolean(self._and(), token.offset))
        if len(parts) == 1:
            return parts[0]
        return lambda scope: any(part(scope) for part in parts)

    def _and(self) -> Evaluate:
        parts = [self._not()]
        while token := self._take("and"):
            parts[-1] = _boolean(parts[-1], token.offset)
            parts.append(_boolean(self._not(), token.offset))
        if len(parts) == 1:
            return parts[0]
        return lambda scope: all(part(scope) for part in parts)

    def _not(self) -> Evaluate:
        negations = 0
        offset = self.token.offset
        while self._take("not"):
            negations += 1
        value = self._comparison()
        if not negations:
            return value
        truth = _boolean(value, offset)
        return lambda scope: truth(scope) != (negations % 2 == 1)

    def _comparison(self) -> Evaluate:
        parts = [self._sum()]
        tests: list[tuple[_Token, Callable[[Any, Any], bool]]] = []
        while token := self._take(*_COMPARE):
            tests.append((token, _COMPARE[token.text]))
            parts.append(self._sum())
        if not tests:
            return parts[0]

        def compare(scope: Scope) -> bool:
            left = parts[0](scope)
            for (token, test), part in zip(tests, parts[1:], strict=True):
                right = part(scope)
                if token.text not in ("==", "!="):
                    _numbers(token, left, right)
                if not test(left, right):
                    return False
                left = right
            return True

        return compare

    def _sum(self) -> Evaluate:
        return self._chain(self._product, "+", "-")

    def _product(self) -> Evaluate:
        return self._chain(self._unary, "*", "/", "//", "%")

    def _chain(self, operand: Callable[[], Evaluate], *operators: str) -> Evaluate:
        first = operand()
        rest: list[tuple[_Token, Evaluate]] = []
        while token := self._take(*operators):
            rest.append((token, operand()))
        if not rest:
            return first

        def compute(scope: Scope) -> Value:
            value = first(scope)
            for token, part in rest:
                value = _operate(token, value, part(scope))
                if type(value) is not int and not unknown(value):
                    scope.extra += 2 + value.denominator.bit_length() // 256
            return value  # type: ignore[no-any-return]

        return compute

    def _unary(self) -> Evaluate:
        signs = 0
        first = self.token
        while token := self._take("-", "+"):
            signs += token.text == "-"
        value = self._power()
        if self.token is first or first.text not in ("-", "+") or first.kind == "number":
            return value
        minus = _Token("operator", "-", first.offset)
        if signs % 2:
            return lambda scope: _operate(minus, 0, value(scope))
        return lambda scope: _operate(minus, value(scope), 0)

    def _power(self) -> Evaluate:
        base = self._item()
        token = self._take("**")
        if token is None:
            return base
        self.depth += 1
        if self.depth > 40:
            raise ExpressionError("expression-too-long", "too many powers of powers", token.offset)
        exponent = self._unary()
        self.depth -= 1

        def raised(scope: Scope) -> Value:
            scope.extra += 10
            return _power(token, base(scope), exponent(scope))

        return raised

    def _item(self) -> Evaluate:
        value = self._atom()
        while opened := self._take("["):
            index = self._condition()
            self._expect("]", opened)
            value = _indexed(value, index, opened)
        return value

    def _atom(self) -> Evaluate:
        token = self.token
        self.position += 1
        if token.kind == "number":
            number = _number(self.text, token)
            return lambda _: number
        if token.kind == "layer":
            self.constant = False
            return _of_layer(token)
        if token.kind == "name" and token.text not in _KEYWORDS:
            if token.text in FUNCTIONS and self.token.text == "(":
                return self._call(token)
            self.constant = False
            return lambda scope: scope.lookup(token.text, token.offset)
        if token.text in ("true", "false"):
            truth = token.text == "true"
            return lambda _: truth
        if token.text == "(":
            value = self._condition()
            self._expect(")", token)
            return value
        if token.text == "[":
            items = self._list("]", token)

            def values(scope: Scope) -> list[Any]:
                found = bounded_list([item(scope) for item in items], token.offset)
                scope.extra += _length(found)
                return found

            return values
        self.position -= 1
        raise self._unexpected()

    def _list(self, closing: str, opened: _Token) -> list[Evaluate]:
        items: list[Evaluate] = []
        while self.token.text != closing:
            items.append(self._condition())
            if self._take(",") is None:
                break
        self._expect(closing, opened)
        return items

    def _call(self, name: _Token) -> Evaluate:
        if name.text in LAYER_FUNCTIONS:
            message = f"{name.text} takes the name of one earlier layer"
            help_text = f"write {name.text}(stem), say"
            raise ExpressionError("bad-expression", message, name.offset, help_text, len(name.text))
        opened = self.token
        self.position += 1
        arguments = self._list(")", opened)
        function = _FUNCTIONS[name.text]

        def result(scope: Scope) -> Any:
            values = [argument(scope) for argument in arguments]
            scope.extra += _length(values)
            return function(name, values)

        return result


def _length(values: list[Any]) -> int:
    """How many items the lists among some values hold."""
    return sum([len(value) for value in values if isinstance(value, list)])


def bounded_list(items: list[Any], offset: int = 0) -> list[Any]:
    """The list, if it is none that doubles and doubles again: [a, a] of [b, b] of [c, c]..."""
    size, depth = _measure(items)
    if size > LONGEST_LIST or depth > DEEPEST_LIST:
        raise _list_too_long(offset)
    return items


def bounded_length(items: Sequence[object]) -> None:
    """Refuses a list that is too long, before its items are evaluated."""
    if len(items) > LONGEST_LIST:
        raise _list_too_long(0)


def _list_too_long(offset: int) -> ExpressionError:
    message = f"a list may hold at most {LONGEST_LIST} items, and nest {DEEPEST_LIST} deep"
    return ExpressionError("list-too-long", message, offset)


def _measure(value: object) -> tuple[int, int]:
    """How many items a value holds, and how deep they nest."""
    if not isinstance(value, list):
        return 1, 0
    inner = [_measure(item) for item in value]
    return sum([size for size, _ in inner]) + 1, max([depth for _, depth in inner], default=0) + 1


def _bad_character(text: str, offset: int) -> ExpressionError:
    from convcalc.language.hints import expressions as hints  # only a mistake needs it

    rest = text[offset:].lstrip()
    offset = len(text) - len(rest)
    sixties = hints.base_60(text)
    if sixties:
        return ExpressionError("bad-number", f"'{text.strip()}' is not a number", 0, sixties)
    message = f"'{printable(rest[0])}' has no meaning in an expression: '{printable(text)}'"
    return ExpressionError("bad-expression", message, offset, hints.character(rest[0], text), 1)


def _bad_number(text: str, start: int) -> ExpressionError:
    from convcalc.language.hints.expressions import number  # only a mistake needs it

    match = re.compile(r"[\w.]+").match(text, start)
    written = match[0] if match else text[start:]
    message = f"'{printable(written)}' is not a number"
    return ExpressionError("bad-number", message, start, number(written), len(written))


def _number(text: str, token: _Token) -> int | Fraction:
    written = token.text
    if "_" in written:
        raise ExpressionError(
            "bad-number",
            f"'{printable(written)}' is not a number",
            token.offset,
            f"write {printable(written.replace('_', ''))}",
        )
    if written.isdecimal():
        if len(written) > 1 and written[0] == "0":
            from convcalc.language.hints.expressions import leading_zero  # only a mistake needs it

            message = f"'{printable(written)}' has a leading zero"
            raise ExpressionError("bad-number", message, token.offset, leading_zero(written))
        if len(written) > 1000:
            raise _too_wide(token)
        return int(written)
    from fractions import Fraction

    mantissa, _, exponent = written.lower().partition("e")
    if len(mantissa) > 1000 or len(exponent) > 4 or abs(int(exponent or 0)) > 1000:
        raise _too_wide(token)
    return _whole(Fraction(written), token)


def _too_wide(token: _Token) -> ExpressionError:
    return ExpressionError(
        "number-too-large",
        f"an intermediate number has more than {WIDEST} bits",
        token.offset,
        "sizes are at most 2^31 - 1",
    )


def _whole(value: Any, token: _Token) -> int | Fraction:
    """The value as an int where it is whole, within the bounds of what is computed at all."""
    if unknown(value):
        return value  # type: ignore[return-value]
    if value.denominator == 1:
        value = int(value)
        if value.bit_length() > WIDEST:
            raise _too_wide(token)
    elif max(value.numerator.bit_length(), value.denominator.bit_length()) > WIDEST:
        raise _too_wide(token)
    return value  # type: ignore[no-any-return]


def _is_number(value: object) -> bool:
    return not isinstance(value, bool | str | list | LayerReference)


def _numbers(token: _Token, *values: object) -> None:
    for value in values:
        if not _is_number(value):
            shown = value.name if isinstance(value, LayerReference) else value
            raise ExpressionError(
                "bad-expression",
                f"'{token.text}' needs numbers, not {value_text(shown)}",
                token.offset,
            )


def _boolean(evaluate: Evaluate, offset: int) -> Evaluate:
    def truth(scope: Scope) -> bool:
        value = evaluate(scope)
        if not isinstance(value, bool):
            raise ExpressionError(
                "bad-expression",
                f"a condition is true or false, not {value_text(value)}",
                offset,
                "compare it: x != 0",
            )
        return value

    return truth


def _operate(token: _Token, a: Any, b: Any) -> int | Fraction:
    _numbers(token, a, b)
    operator = token.text
    if operator == "+":
        result = a + b
    elif operator == "-":
        result = a - b
    elif operator == "*":
        result = a * b
    elif b == 0:
        raise ExpressionError("bad-expression", f"'{operator}' divides by zero", token.offset)
    elif operator == "//":
        result = a // b
    elif operator == "%":
        result = a % b
    elif type(a) is int and type(b) is int and a % b == 0:
        result = a // b
    elif unknown(a) or unknown(b):
        result = a / b
    else:
        from fractions import Fraction

        result = Fraction(a) / b
    return result if type(result) is int and -(2**64) < result < 2**64 else _whole(result, token)


def _power(token: _Token, base: Any, exponent: Any) -> int | Fraction:
    _numbers(token, base, exponent)
    exponent = counted(exponent)
    if type(exponent) is not int:
        raise ExpressionError(
            "bad-expression",
            f"an exponent must be a whole number, not {value_text(exponent)}",
            token.offset,
        )
    if unknown(base):
        power: Any = base
        return power**exponent  # type: ignore[no-any-return]
    widest = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(exponent) > WIDEST or (widest - 1) * abs(exponent) > WIDEST:
        if base not in (-1, 0, 1):
            raise _too_wide(token)
        exponent %= 2 if base else WIDEST  # the same value: only the parity matters
        exponent += 2
    if exponent < 0:
        if base == 0:
            raise ExpressionError("bad-expression", "'**' divides by zero", token.offset)
        from fractions import Fraction

        return _whole(Fraction(base) ** exponent, token)
    return _whole(base**exponent, token)


def _indexed(value: Evaluate, number: Evaluate, token: _Token) -> Evaluate:
    def item(scope: Scope) -> Value:
        items, position = value(scope), counted(number(scope))
        if not isinstance(items, list):
            raise ExpressionError(
                "bad-expression", f"{value_text(items)} is not a list", token.offset
            )
        if type(position) is not int or not -len(items) <= position < len(items):
            raise ExpressionError(
                "bad-expression",
                f"a list of {len(items)} has no item {value_text(position)}",
                token.offset,
                f"items are counted from 0 to {len(items) - 1}" if items else "",
            )
        return items[position]  # type: ignore[no-any-return]

    return item


def _of_layer(token: _Token) -> Evaluate:
    """What `size_of(stem)` and `channels_of(stem)` compute."""
    function, _, rest = token.text.partition("(")
    name = rest[:-1].strip()
    offset = token.offset + token.text.index(name, len(function))
    if function.strip() == "size_of":
        return lambda scope: list(scope.shape_of(name, offset)[1:])
    return lambda scope: scope.shape_of(name, offset)[0]


def _one(token: _Token, arguments: list[Any]) -> Any:
    if len(arguments) != 1:
        raise ExpressionError(
            "bad-expression", f"{token.text} takes one argument, not {len(arguments)}", token.offset
        )
    return arguments[0]


def _one_number(token: _Token, arguments: list[Any]) -> Any:
    value = _one(token, arguments)
    _numbers(token, value)
    return value


def _one_list(token: _Token, arguments: list[Any]) -> list[Any]:
    value = _one(token, arguments)
    if not isinstance(value, list):
        raise ExpressionError(
            "bad-expression", f"{token.text} takes a list, not {value_text(value)}", token.offset
        )
    return value


def _extreme(choose: Callable[[Any, Any], Any]) -> Callable[[_Token, list[Any]], Any]:
    def extreme(token: _Token, arguments: list[Any]) -> Any:
        values = arguments[0] if arguments and isinstance(arguments[0], list) else arguments
        if not values or (values is not arguments and len(arguments) > 1):
            raise ExpressionError(
                "bad-expression",
                f"{token.text} takes numbers, or a list that has some",
                token.offset,
            )
        _numbers(token, *values)
        return reduce(choose, values)

    return extreme


def _sum(token: _Token, arguments: list[Any]) -> Any:
    plus = _Token("operator", "+", token.offset)
    total: int | Fraction = 0
    for value in _one_list(token, arguments):
        total = _operate(plus, total, value)
    return total


def _divisible(token: _Token, arguments: list[Any]) -> int:
    if len(arguments) != 2:
        raise ExpressionError(
            "bad-expression",
            f"divisible(x, by) takes two arguments, not {len(arguments)}",
            token.offset,
        )
    x, by = arguments
    _numbers(token, x, by)
    by = settled(by)
    if not whole(by) or by < 1:
        raise ExpressionError(
            "bad-expression",
            f"divisible(x, by) needs a positive whole number to divide by, not {value_text(by)}",
            token.offset,
        )
    # The nearest multiple, ties up: floor(x/by + 1/2), in whole numbers.
    nearest = (2 * x + by) // (2 * by) * by
    result = compact(larger(by, nearest))
    more: int = by * positive(9 * x - 10 * result)
    return result + more


_FUNCTIONS: dict[str, Callable[[_Token, list[Any]], Any]] = {
    "abs": lambda token, arguments: abs(_one_number(token, arguments)),
    "ceil": lambda token, arguments: -(-_one_number(token, arguments) // 1),
    "divisible": _divisible,
    "floor": lambda token, arguments: _one_number(token, arguments) // 1,
    "len": lambda token, arguments: len(_one_list(token, arguments)),
    "max": _extreme(larger),
    "min": _extreme(smaller),
    "round": lambda token, arguments: round(_one_number(token, arguments)),
    "sum": _sum,
}
