"""YAML text to nodes with spans, read strictly.

PyYAML's event stream is used rather than its loader: nothing is constructed, no tag is resolved,
every scalar stays the text that the user wrote, and the depth is bounded as it is met.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from convcalc.problems import (
    ConvcalcError,
    Problem,
    Reason,
    Related,
    Source,
    Span,
    helps,
    printable,
)
from convcalc.roots import current_access

#: Brackets or indentation may nest this deep.
DEEPEST = 100
#: Problems that are reported in one run.
MOST_PROBLEMS = 100


class YamlNode:
    """A part of a document and its place; abstract."""

    __slots__ = ("column", "line", "source", "width")

    def __init__(self, source: Source, line: int, column: int, width: int) -> None:
        self.source = source
        self.line = line
        self.column = column
        self.width = width

    @property
    def span(self) -> Span:
        """Its place."""
        return Span(self.source, self.line, self.column, self.width)


class ScalarNode(YamlNode):
    """A word, number or expression, as written."""

    __slots__ = ("quoted", "text")

    def __init__(
        self, source: Source, line: int, column: int, width: int, text: str, quoted: bool
    ) -> None:
        super().__init__(source, line, column, width)
        self.text = text
        self.quoted = quoted


class ListNode(YamlNode):
    """A sequence."""

    __slots__ = ("items",)

    def __init__(self, source: Source, line: int, column: int, width: int) -> None:
        super().__init__(source, line, column, width)
        self.items: list[YamlNode] = []


class MapNode(YamlNode):
    """A mapping, its entries in the order in which they are written."""

    __slots__ = ("entries",)

    def __init__(self, source: Source, line: int, column: int, width: int) -> None:
        super().__init__(source, line, column, width)
        self.entries: dict[str, tuple[ScalarNode, YamlNode]] = {}


def read_yaml(source: Source) -> YamlNode | None:
    """The document as nodes; None where the text holds nothing.

    Raises ConvcalcError where it is not YAML, or uses what specs leave out: tags, anchors, aliases,
    merge keys, keys that are not words, duplicate keys, further documents, bottomless nesting.
    """
    most = current_access().max_file_size
    if len(source.text) > most:
        message = f"the file has {len(source.text)} characters, more than {most}"
        facts = helps("--max-file-size allows more")
        raise ConvcalcError([Problem("file-too-large", message, Span(source, 1, 1), facts)])
    # libyaml's parser is ten times faster; PyYAML may have been built without it.
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _Reader(source, loader).read(yaml.parse(source.text, Loader=loader))
    except yaml.YAMLError as error:
        _refuse_depth_before(source, error, loader)
        raise ConvcalcError([_yaml_problem(source, error)]) from None
    except UnicodeEncodeError:
        # An argument of the command line whose bytes are not UTF-8.
        problem = Problem("yaml-syntax", "not UTF-8 text", Span(source, 1, 1))
        raise ConvcalcError([problem]) from None


def _refuse_depth_before(source: Source, error: yaml.YAMLError, loader: Any) -> None:
    """Raises ConvcalcError where the text nests too deep before the place of `error`.

    The YAML library scans ahead of the events that it reports: how far, and which depth it accepts
    itself, depends on its release and on the loader. What the reader reports must not.
    """
    text = source.text
    # The library decodes ahead of what it scans and scans ahead of what it parses, so that what
    # stands before one mistake may hold another.
    while (offset := _offset(text, error)) < len(text):
        text = text[:offset]
        try:
            _Reader(source, loader).read(yaml.parse(text, Loader=loader))
        except yaml.YAMLError as earlier:
            error = earlier
        except ConvcalcError as refused:
            if refused.problems[-1].code == "nesting-too-deep":
                raise
            return


class _Reader:
    def __init__(self, source: Source, loader: Any) -> None:
        self.source = source
        self.python_loader = loader is yaml.SafeLoader
        self.problems: list[Problem] = []

    def read(self, events: Iterator[Any]) -> YamlNode | None:
        root: YamlNode | None = None
        # Open collections, innermost last; for a mapping also the key that waits for its value.
        stack: list[tuple[ListNode | MapNode, ScalarNode | None]] = []
        documents = 0
        source = self.source
        for event in events:
            kind = type(event)
            if kind is yaml.ScalarEvent:
                node: YamlNode = self._scalar(event)
            elif kind is yaml.SequenceStartEvent:
                mark = event.start_mark
                node = ListNode(source, mark.line + 1, mark.column + 1, 1)
            elif kind is yaml.MappingStartEvent:
                mark = event.start_mark
                node = MapNode(source, mark.line + 1, mark.column + 1, 1)
            elif kind is yaml.SequenceEndEvent or kind is yaml.MappingEndEvent:
                stack.pop()
                continue
            elif kind is yaml.AliasEvent:
                mark = event.start_mark
                self._refuse(
                    "yaml-alias",
                    f"the alias '*{printable(event.anchor)}' is not part of the language",
                    Span(source, mark.line + 1, mark.column + 1),
                    "name a piece once under 'blocks', a number under 'args'",
                )
                node = ScalarNode(source, mark.line + 1, mark.column + 1, 1, "", True)
            else:
                if kind is yaml.DocumentStartEvent:
                    documents += 1
                    if documents == 2:
                        mark = event.start_mark
                        self._refuse(
                            "yaml-second-document",
                            "a second document begins here",
                            Span(source, mark.line + 1, mark.column + 1),
                            "one file holds one network; put the other into a file of its own",
                        )
                        break
                continue

            if kind is not yaml.AliasEvent and (event.anchor or event.tag):
                self._refuse_tag_or_anchor(event, node)
            if not stack:
                root = node
            else:
                parent, key = stack[-1]
                if isinstance(parent, ListNode):
                    parent.items.append(node)
                elif key is None:
                    stack[-1] = (parent, self._key(parent, node))
                else:
                    if key.text in parent.entries:
                        self._duplicate(parent, key)
                    else:
                        parent.entries[key.text] = (key, node)
                    stack[-1] = (parent, None)
            if isinstance(node, ListNode | MapNode):
                stack.append((node, None))
                if len(stack) > DEEPEST:
                    self._refuse(
                        "nesting-too-deep",
                        f"lists and mappings are nested more than {DEEPEST} deep",
                        node.span,
                        "name inner pieces under 'blocks'",
                    )
                    break
            if len(self.problems) >= MOST_PROBLEMS:
                break
        if self.problems:
            raise ConvcalcError(self.problems)
        return root

    def _scalar(self, event: Any) -> ScalarNode:
        mark, end = event.start_mark, event.end_mark
        column = mark.column + 1
        width = end.column - mark.column if end.line == mark.line else 1
        if self.python_loader and not width:
            column = _column_of_nothing(self.source.line(mark.line + 1), column)
        quoted = event.style in ("'", '"', "|", ">")
        return ScalarNode(self.source, mark.line + 1, column, max(width, 1), event.value, quoted)

    def _key(self, parent: MapNode, node: YamlNode) -> ScalarNode:
        if isinstance(node, ScalarNode):
            if node.text == "<<" and not node.quoted:
                self._refuse(
                    "yaml-merge-key",
                    "the merge key '<<' is not part of the language",
                    node.span,
                    "share arguments through 'defaults', pieces through 'blocks'",
                )
            return node
        self._refuse(
            "yaml-key",
            "a key must be a word, not a list or mapping",
            node.span,
            "a layer is written {conv: 64, kernel: 3}; text that holds brackets needs quotes",
        )
        return ScalarNode(node.source, node.line, node.column, 1, f"\0{len(parent.entries)}", True)

    def _duplicate(self, parent: MapNode, key: ScalarNode) -> None:
        first = parent.entries[key.text][0]
        self.problems.append(
            Problem(
                "duplicate-key",
                f"the key '{printable(key.text)}' is written twice",
                key.span,
                (Related(Reason.FIRST, first.span),),
            )
        )

    def _refuse_tag_or_anchor(self, event: Any, node: YamlNode) -> None:
        if event.anchor:
            self._refuse(
                "yaml-anchor",
                f"the anchor '&{printable(event.anchor)}' is not part of the language",
                node.span,
                "name a piece once under 'blocks', a number under 'args'",
            )
        else:
            self._refuse(
                "yaml-tag",
                f"the tag '{_tag_text(event.tag)}' is not part of the language",
                node.span,
                "write the plain value; nothing in a spec constructs objects",
            )

    def _refuse(self, code: str, message: str, span: Span, help_text: str) -> None:
        facts = helps(help_text)
        self.problems.append(Problem(code, message, span, facts))


def _column_of_nothing(line: str, column: int) -> int:
    """Where libyaml places an empty value inside brackets, given PyYAML's own place.

    >>> _column_of_nothing("{name: , share: }", 7)
    8
    """
    rest = line[column - 1 :]
    after = rest.lstrip(" ")
    return column + len(rest) - len(after) if after[:1] in {",", "}", "]"} else column


def _tag_text(tag: str) -> str:
    """A tag as it is written: PyYAML gives it in full."""
    return printable(tag.replace("tag:yaml.org,2002:", "!!", 1))


def _yaml_problem(source: Source, error: yaml.YAMLError) -> Problem:
    """What a complaint usually means, at the place that causes it."""
    from convcalc.language.hints.yaml_syntax import Complaint, meaning  # only a mistake needs it

    reason = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    mark = getattr(error, "problem_mark", None)
    began = getattr(error, "context_mark", None)
    if mark is None:
        before = source.text[: _offset(source.text, error)]
        line_start = before.rfind("\n") + 1
        span = Span(source, before.count("\n") + 1, len(before) - line_start + 1)
    else:
        span = Span(source, mark.line + 1, mark.column + 1)
    start = span if began is None else Span(source, began.line + 1, began.column + 1)
    message, help_text, blamed = meaning(Complaint(reason, span, start))
    facts = helps(help_text)
    if blamed == start and start.line != span.line and source.line(span.line).strip():
        facts = (Related(Reason.NOTICED, span), *facts)
    return Problem("yaml-syntax", f"not YAML: {message}", blamed, facts)


def _offset(text: str, error: yaml.YAMLError) -> int:
    """How many characters of a text stand before the place of a complaint."""
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return int(mark.index)
    position: int = getattr(error, "position", None) or 0
    if getattr(error, "encoding", None) == "unicode":
        return position
    # libyaml counts bytes.
    return len(text.encode("utf-8", "replace")[:position].decode("utf-8", "replace"))
