"""What a complaint of the YAML reader usually means, and where the mistake is."""

from __future__ import annotations

import re
from typing import NamedTuple

from convcalc.problems import Source, Span, printable


class Complaint(NamedTuple):
    """What libyaml or PyYAML says of a text that is not YAML.

    span   where it came up, `here` being the character that stands there
    start  where the list, mapping, key or quote around it begins
    """

    reason: str
    span: Span
    start: Span

    @property
    def here(self) -> str:
        """The character where it came up."""
        return self.span.source.line(self.span.line)[self.span.column - 1 : self.span.column]


#: A message, a help text, and the place that causes it.
_Meaning = tuple[str, str, Span]


def meaning(complaint: Complaint) -> _Meaning:
    """What is wrong, what helps, and the place that causes it."""
    found = (
        _of_keys(complaint)
        or _of_character(complaint)
        or _of_brackets(complaint)
        or _of_lines(complaint)
    )
    return found or (printable(complaint.reason), "", complaint.span)


def _of_keys(complaint: Complaint) -> _Meaning | None:
    """A key or a ',' behind another key of the line."""
    reason, span, _ = complaint
    before = span.source.line(span.line)[: span.column - 1]
    if re.search(_BESIDE, reason) and re.search(_KEY, before):
        return _without_braces(span.source, span.line)
    return None


def _of_character(complaint: Complaint) -> _Meaning | None:
    """A character that may not stand where it stands."""
    reason, span, _ = complaint
    if complaint.here == "\t" or "found a tab" in reason:
        return "a tab stands where only spaces may", "indent by spaces", span
    if "cannot start any token" in reason:
        message = f"no value begins with '{printable(complaint.here)}'"
        return message, "remove it, or quote the text", span
    if "control characters" in reason or "special characters" in reason:
        return "a control character is not allowed", "remove it", span
    return None


def _of_brackets(complaint: Complaint) -> _Meaning | None:
    """A bracket or a quote that is not closed, or not opened."""
    reason, span, start = complaint
    inside = re.search(r"expected ',' or '([]}])'", reason)
    if inside and span.line == start.line and complaint.here:
        if complaint.here in "[{":
            message = f"a '{complaint.here}' follows a value"
            return message, "an expression with brackets needs quotes inside {...}", span
        message = f"a ',' or '{inside[1]}' is missing here"
        return message, "a value that holds brackets, commas or ': ' needs quotes", span
    if inside and complaint.here and complaint.here in "]}" and complaint.here != inside[1]:
        message = f"the '{complaint.here}' closes nothing"
        return message, "remove it, or open a bracket before", span
    if inside:
        help_text = f"close it with '{inside[1]}', or check the ',' between its parts"
        return f"the '{'[' if inside[1] == ']' else '{'}' is never closed", help_text, start
    if "unexpected end of stream" in reason or "unexpected document indicator" in reason:
        return "the quote is never closed", "close it, or leave quotes out", start
    if complaint.here and complaint.here in "]}":
        message = f"the '{complaint.here}' closes nothing"
        return message, "remove it, or open a bracket before", span
    return None


def _of_lines(complaint: Complaint) -> _Meaning | None:
    """A key or an item that does not fit what stands above it."""
    reason, span, start = complaint
    if "could not find expected ':'" in reason:
        return "a key stands without ':'", "write 'key: value', with a space after the ':'", start
    if "mapping values are not allowed" in reason:
        help_text = "check the indentation, and quote text that holds ': '"
        meaning = "a ':' stands where no key can", help_text, span
        return _line_above(span.source, span.line) or meaning
    if re.search("expected '?<document start>", reason):
        return _first_line(span.source)
    if re.search(r"expected '-' indicator|expected <block end>|did not find expected key", reason):
        message = "the line does not continue what stands above it"
        help_text = "the items of a list, and the keys of a mapping, begin in one column"
        odd = _odd_line(span.source, span.line)
        if odd is not None:
            return "the line begins in another column than those around it", help_text, odd
        return message, help_text, span
    return None


#: What libyaml and PyYAML say of what stands behind a key and its value.
_BESIDE = (
    "mapping values are not allowed|expected <block end>|did not find expected key"
    "|expected '-' indicator|expected (the )?node content"
)
#: A key with its ':', and the longest line that is looked at for several.
_KEY = r"[A-Za-z_]\w*:(?=\s|\Z)"
_LONGEST_LINE = 300


def _without_braces(source: Source, number: int) -> _Meaning | None:
    """A line with several keys, such as `- conv: 6, kernel: 5`, and what it is in braces."""
    text = source.line(number)
    if len(text) > _LONGEST_LINE:
        return None
    text = re.sub(r"(?<=\s)#.*", "", text).rstrip()
    found = re.match(rf"(\s*)((?:- +)*(?:{_KEY}\s+(?={_KEY}))?)", text)
    if found is None:
        return None
    indent, before = found[1], found[2]
    pairs = _pairs(text[found.end() :])
    if len(pairs) < (1 if before.endswith((": ", ":\t")) else 2):
        return None
    braced = f"{{{', '.join(pairs)}}}"
    braced = f"[{braced}]" if before.startswith("layers:") else braced
    help_text = f"write {printable(re.sub(' +', ' ', before) + braced, _LONGEST_LINE)}"
    if not before:
        help_text += ", or each key on a line of its own"
    elif len(pairs) == 1:
        help_text += ", or quote a text that holds ': '"
    span = Span(source, number, len(indent) + 1, len(text) - len(indent))
    return "several keys on one line need braces", help_text, span


def _pairs(text: str) -> list[str]:
    """The pairs of `conv: 6, kernel: 5`, as they stand in braces; none where it is something else.

    >>> _pairs("conv: max(a, 2) stride: [1, 2], name: b")
    ["conv: 'max(a, 2)'", 'stride: [1, 2]', 'name: b']
    >>> _pairs("conv: 6, kernel"), _pairs("lenet: the network")
    ([], [])
    """
    starts, commas = [], []
    depth = 0
    for match in re.finditer(rf"'[^']*'|\"[^\"]*\"|[\[({{]|[\])}}]|,|(?<!\S){_KEY}", text):
        if match[0] in "[({":
            depth += 1
        elif match[0] in "])}":
            depth -= 1
        elif depth == 0 and match[0] == ",":
            commas.append(match.end())
        elif depth == 0 and match[0][0] not in "'\"":
            starts.append(match.start())
    if depth or not starts or starts[0] != 0:
        return []
    # A ',' ends a pair, or the line.
    if any(text[comma:].strip() and not re.match(rf"\s+{_KEY}", text[comma:]) for comma in commas):
        return []
    pairs = []
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        key, _, value = text[start:end].partition(":")
        value = value.strip()
        more = value.endswith(",") and end == len(text)
        value = value.removesuffix(",").rstrip()
        if re.search(r"\w\s+[A-Za-z_]", re.sub(_OPERATORS, "+", value)):
            return []
        if re.search(r"[,\[\]{}]", value) and value[0] not in "[{'\"":
            value = f"'{value}'"
        pairs += [f"{key}: {value}", *(["..."] if more else [])]
    return pairs


#: Words of expressions between others.
_OPERATORS = r"\b(?:and|or|not|if|else)\b"


def _first_line(source: Source) -> _Meaning | None:
    """The first line, where it is indented and what follows is not."""
    number = 1
    while re.match(r"\s*(#|\Z)", source.line(number)) and number < source.text.count("\n") + 1:
        number += 1
    indent = re.match(r"[ \t]+", source.line(number))
    if indent is None:
        return None
    span = Span(source, number, 1, indent.end())
    return "the first line is indented, and what follows is not", "begin it in column 1", span


def _odd_line(source: Source, number: int) -> Span | None:
    """The line above, where it alone begins in another column than the lines around it."""
    lines = [
        (n, len(line) - len(line.lstrip()))
        for n in range(max(number - 20, 1), number + 20)
        if (line := source.line(n)).strip() and not line.lstrip().startswith("#")
    ]
    at = next((index for index, (n, _) in enumerate(lines) if n == number), 0)
    if not 1 <= at < len(lines) - 1:
        return None
    (above, column), (_, here) = lines[at - 1], lines[at]
    before = lines[at - 2][1] if at > 1 else -1
    if column > here == lines[at + 1][1] and before < here:
        return Span(source, above, 1, column)
    return None


def _line_above(source: Source, number: int) -> _Meaning | None:
    """What is wrong with the line above, where it is the cause of a ':' without a key."""
    indent = re.match(r" *", source.line(number))
    number -= 1
    while number > 0 and not source.line(number).strip():
        number -= 1
    above = source.line(number)
    found = re.match(r"\s*(?:- *)?[A-Za-z_]\w*(:)[^\s:/]", above)
    if found:
        span = Span(source, number, found.start(1) + 1)
        return "a space is missing after the ':'", "write 'key: value'", span
    word = re.match(r"([ -]*)\w[^:#]*\Z", above)
    # A word alone, which what stands below it would belong to, or one in the same column.
    alone = re.match(r"[ -]*\w+(?:\(.*\))?\s*\Z", above)
    if word and indent and (word[1] == indent[0] or (alone and len(word[1]) < indent.end())):
        span = Span(source, number, len(word[1]) + 1)
        return "a key stands without ':'", "write 'key: value', with a space after the ':'", span
    return None
