"""Values of a document as they could be written on one line, for the help of a mistake."""

from __future__ import annotations

import re
from collections.abc import Mapping

from convcalc.language.reading.nodes import ListNode, MapNode, ScalarNode, YamlNode
from convcalc.problems import printable

#: Characters of a value that are shown, and its items; of a longer one, nothing.
_LONGEST = 60
_MOST_ITEMS = 8
#: What stands for a value that is not shown.
_ELLIPSIS = "..."


def flow_text(node: YamlNode) -> str:
    """A value in the style of braces and brackets; "..." where it is long or nested.

    >>> from convcalc.language.reading.nodes import read_yaml
    >>> from convcalc.problems import Source
    >>> flow_text(read_yaml(Source("", "conv: max(a, 2)\\nname: b\\n")))
    "{conv: 'max(a, 2)', name: b}"
    """
    if isinstance(node, ScalarNode):
        return _scalar(node)
    if isinstance(node, ListNode) and len(node.items) <= _MOST_ITEMS:
        items = [_scalar(item) for item in node.items]
        return _ELLIPSIS if _ELLIPSIS in items else f"[{', '.join(items)}]"
    if isinstance(node, MapNode) and len(node.entries) <= _MOST_ITEMS:
        entries = {_scalar(key): _scalar(value) for key, value in node.entries.values()}
        return _ELLIPSIS if _ELLIPSIS in entries.values() else mapping_text(entries)
    return _ELLIPSIS


def mapping_text(entries: Mapping[str, str]) -> str:
    """A mapping of texts in braces; a key without a value has none.

    >>> mapping_text({"conv": "3", "relu": ""})
    '{conv: 3, relu: }'
    """
    return f"{{{', '.join([f'{key}: {value}' for key, value in entries.items()])}}}"


def _scalar(node: YamlNode) -> str:
    if not isinstance(node, ScalarNode) or len(node.text) > _LONGEST:
        return _ELLIPSIS
    text = printable(node.text.strip())
    if re.search(r"[,\[\]{}\"'#&*!|>%@`:]", text):
        return "'" + text.replace("'", "''") + "'"
    return text
