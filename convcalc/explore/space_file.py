"""A space in a file: an argument's values on each line, and conditions between them."""

from __future__ import annotations

from convcalc.explore.ranges import variable_of
from convcalc.explore.variables import Variable
from convcalc.language.building.spec import Spec
from convcalc.language.load import read_file
from convcalc.language.reading.nodes import ListNode, MapNode, ScalarNode, YamlNode, read_yaml
from convcalc.language.reading.ranges import split_values
from convcalc.problems import UNUSABLE, ConvcalcError, Problem, Source, Span, helps

#: The key of the conditions.
WHEN = "when"


def read_space(spec: Spec, path: str) -> tuple[list[Variable], dict[str, Span]]:
    """The variables and the conditions of a file, with their places; raises ConvcalcError.

    Conditions are expressions in the names of what varies, such as `width < 0.5 or depth == 2`.
    """
    return space_of(spec, read_file(path, "a space"))


def space_of(spec: Spec, source: Source) -> tuple[list[Variable], dict[str, Span]]:
    """The same for a text."""
    try:
        root = read_yaml(source)
    except ConvcalcError as error:
        raise ConvcalcError(error.problems, UNUSABLE) from None
    if not isinstance(root, MapNode):
        message = "a space is a mapping: an argument, and its values, on each line"
        raise _wrong(root, source, message, "width: 0.25..1.0:0.05")
    variables: list[Variable] = []
    conditions: dict[str, Span] = {}
    for name, (key, value) in root.entries.items():
        if name == WHEN:
            conditions = {_scalar(node, source): node.span for node in _items(value)}
            continue
        texts = [text for node in _items(value) for text in _texts(node, source)]
        try:
            variables.append(variable_of(spec, name, texts))
        except ConvcalcError as error:
            problems = [
                problem._replace(span=problem.span or key.span) for problem in error.problems
            ]
            raise ConvcalcError(problems, UNUSABLE) from None
    return variables, conditions


def _items(node: YamlNode) -> list[YamlNode]:
    return node.items if isinstance(node, ListNode) else [node]


def _texts(node: YamlNode, source: Source) -> list[str]:
    """The values that a node of a list is: one list, or what a scalar says."""
    if isinstance(node, ListNode):
        return [f"[{', '.join([_scalar(item, source) for item in node.items])}]"]
    return split_values(_scalar(node, source))


def _scalar(node: YamlNode, source: Source) -> str:
    if isinstance(node, ScalarNode) and node.text.strip():
        return node.text
    raise _wrong(node, source, "a value or a range is needed here", "0.25..1.0:0.05")


def _wrong(node: YamlNode | None, source: Source, message: str, help_text: str) -> ConvcalcError:
    span = node.span if node is not None else None
    problem = Problem("bad-value", message, span, helps(help_text))
    return ConvcalcError([problem if span else problem.about(file=source.name)], UNUSABLE)
