"""A file's arguments: their values, and what overrides them."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from convcalc import given
from convcalc.language.building.evaluation import Evaluator, File, Frame
from convcalc.language.reading.document import Document
from convcalc.language.reading.expressions import ExpressionError, UnknownSizeError
from convcalc.language.reading.items import Refusal
from convcalc.language.reading.nodes import YamlNode, read_yaml
from convcalc.layers.fields import decimal_text
from convcalc.problems import UNUSABLE, ConvcalcError, Help, Problem, Source, Subject
from convcalc.symbols import unknown


def read_args(
    document: Document,
    evaluator: Evaluator,
    overrides: Mapping[str, object],
    *,
    only: Container[str] | None = None,
) -> dict[str, Any]:
    """Evaluates the arguments into `evaluator.file.args`; the overrides that change a value.

    Arguments are evaluated in the file's order: each may use those before it. An override is a
    text as on the command line, or a plain value. Those that are not in `only`, where it is given,
    have no value. Raises ConvcalcError with status 2 where an override cannot be used.
    """
    overrides = given.mapping("args", overrides)
    for name in map(str, overrides):
        if name not in document.args:
            from convcalc.spelling import did_you_mean  # only a mistake needs it

            raise ConvcalcError(
                [
                    Problem(
                        "unknown-argument",
                        "the file has no such argument",
                        None,
                        (Help(did_you_mean(name, document.args) or "it has none"),),
                        subject=Subject(option="--set", argument=name),
                    )
                ],
                UNUSABLE,
            )
    changed = {}
    for name, (_, node) in document.args.items():
        if only is not None and name not in only:
            evaluator.file.args[name] = None
        elif name in overrides:
            value = evaluator.file.args[name] = _override(evaluator, name, overrides[name])
            if not _has_unknown(value) and not _is_own(evaluator, node, value):
                changed[name] = value
        else:
            evaluator.file.args[name] = evaluator.file_value(node, None)
    return changed


def evaluate_args(
    file: File, evaluator: Evaluator, given: Mapping[str, object], frame: Frame
) -> None:
    """Evaluates the arguments of a network that is a block, for a call that gives it some."""
    for name, (_, node) in file.document.args.items():
        value: Any = None
        try:
            value = (
                given[name]
                if name in given
                else evaluator.evaluate(node, evaluator.file_scope(file))
            )
        except Refusal as error:
            evaluator.refused(error, frame)
        except UnknownSizeError:
            pass  # an argument it needs is wrong, which is reported already
        file.args[name] = value


def _is_own(evaluator: Evaluator, node: YamlNode, value: object) -> bool:
    """Whether an override has the value that the file has; mistakes in that are not recorded."""
    try:
        own = evaluator.evaluate(node, evaluator.file_scope(), None)
    except (Refusal, UnknownSizeError):
        return False
    return type(own) is type(value) and bool(own == value)


def _has_unknown(value: object) -> bool:
    """Whether a value is a number that is not known yet, or a list with one."""
    return any(map(_has_unknown, value)) if isinstance(value, list) else unknown(value)


def _override(evaluator: Evaluator, name: str, value: object) -> Any:
    if _has_unknown(value):
        return value
    text = value if isinstance(value, str) else value_text(value)
    source = Source(f"--set {name}", text)
    try:
        node = read_yaml(source)
        if node is None:
            raise ExpressionError("missing-value", "a value is missing")
        return evaluator.evaluate(node, evaluator.file_scope())
    except ConvcalcError as error:
        raise ConvcalcError(error.problems, UNUSABLE) from None
    except UnknownSizeError:
        return None  # an earlier argument that it needs is wrong, which is reported already
    except (Refusal, ExpressionError) as error:
        problem = error.problems[0] if isinstance(error, Refusal) else error.at(None)
        problem = problem._replace(span=None).about(option="--set", argument=name, value=text)
        raise ConvcalcError([problem], UNUSABLE) from None


def value_text(value: object) -> str:
    """An argument's value as a user writes it.

    >>> value_text([2, True, "relu"])
    '[2, true, relu]'
    """
    if isinstance(value, list | tuple):
        return "[" + ", ".join(value_text(item) for item in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    from fractions import Fraction  # only a variant's name needs it

    return decimal_text(value) if isinstance(value, Fraction) else str(value)
