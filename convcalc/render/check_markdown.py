"""What `check` found as Markdown: the comment under a pull request, and a step's summary."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from convcalc.checks.project.findings import CheckedNetwork, Finding
from convcalc.metrics import TOTALS
from convcalc.problems import printable
from convcalc.quantities import BYTES, change_text, quantity_text, short_bytes
from convcalc.render.diagnostics import diagnostic_text
from convcalc.render.places import network_name, not_reported

#: The first line, by which the comment is found again to be replaced. It is not shown.
MARKER = "<!-- convcalc-check -->"
#: Bytes in UTF-8: a comment may have 64 kB, a step's summary a million.
COMMENT_LIMIT = 64_000
SUMMARY_LIMIT = 1_000_000
#: Bytes kept for a line that says how much was left out.
_NOTE = 100
#: The totals that the table shows, where any network has them.
_TOTALS = ("params", "macs", "peak_memory", "weights")


class _Part(NamedTuple):
    """A part of the page that can be cut between its rows: what comes first, and what last."""

    what: str
    opening: str
    rows: list[str]
    closing: str


def check_markdown(checked: Sequence[CheckedNetwork], limit: int = COMMENT_LIMIT) -> str:
    """The page: what failed and why, then every network with its totals beside the baseline's.

    It has at most `limit` bytes: rows that do not fit are left out, and a line counts them.
    """
    bad = sum(1 for network in checked if network.status)
    networks = f"{len(checked)} network{'s' * (len(checked) != 1)}"
    outcome = f"{bad} of {networks} failed" if bad else f"{networks} checked, all ok"
    page = f"{MARKER}\n### convcalc: {outcome}\n"
    parts = [_limits(checked), _problems(checked), _networks(checked)]
    parts = [part for part in parts if part.rows]
    for index, part in enumerate(parts):
        # What comes after keeps at least the room to say that it was left out.
        page += _fitting(part, limit - _size(page) - _NOTE * (len(parts) - 1 - index))
    return page


def _fitting(part: _Part, space: int) -> str:
    """A part with as many of its rows as there is room for."""
    text = f"\n{part.opening}{''.join(part.rows)}{part.closing}"
    if _size(text) <= space:
        return text
    space -= _size("\n" + part.opening + part.closing) + _NOTE
    count = 0
    for row in part.rows:
        space -= _size(row)
        if space < 0:
            break
        count += 1
    shown = f"\n{part.opening}{''.join(part.rows[:count])}{part.closing}" if count else ""
    left = f"{len(part.rows) - count} of {len(part.rows)} {part.what}"
    return f"{shown}\n{left} left out: the page would be too long.\n"


def _size(text: str) -> int:
    return len(text.encode("utf-8"))


def _limits(checked: Sequence[CheckedNetwork]) -> _Part:
    """The limits that are not kept."""
    opening = _row("network", "limit", "found", "at most", "over by", "written at", "")
    opening += "| --- | --- | ---: | ---: | ---: | --- | --- |\n"
    rows = [
        _row(_code(network_name(network)), *_limit(finding))
        for network in checked
        for finding in network.findings
        if not finding.ok
    ]
    return _Part("limits", opening, rows, "")


def _limit(finding: Finding) -> list[str]:
    """A limit that is not kept: what it is of, what was found, how much that is too much."""
    found, over = quantity_text(finding.found, finding.unit), ""
    if finding.least:
        found = f"at least {found}"
    if finding.reads:
        found = _code(finding.reads)
    else:
        over = quantity_text(finding.found - finding.limit, finding.unit)
        if finding.limit:  # of 0 there are no percents
            over += f" ({change_text(finding.limit, finding.found)})"
    most = quantity_text(finding.limit, finding.unit)
    if finding.baseline is not None:
        before = quantity_text(finding.baseline, finding.unit)
        most += f" ({before} {_code(finding.written)})"
    elif finding.written:
        most = _code(finding.written)
    outcome = "warning" if finding.rule == "warn" else "**failed**"
    place = _code(finding.place) if finding.place else ""
    return [_code(f"{finding.rule} {finding.metric}"), found, most, over, place, outcome]


def _problems(checked: Sequence[CheckedNetwork]) -> _Part:
    """The problems as a terminal shows them, with their lines."""
    reported: set[object] = set()
    drawn = [
        "\n" + diagnostic_text(problem, level)
        for network in checked
        for level, problems in (("error", network.problems), ("warning", network.warnings))
        for problem in not_reported(problems, reported)
    ]
    if drawn:
        drawn[0] = drawn[0].removeprefix("\n")
    # Nothing in a problem ends the block: its fence is longer than any run of tildes.
    runs = [len(run) for text in drawn for run in re.findall("~+", text)]
    fence = "~" * max([3, *[run + 1 for run in runs]])
    opening = f"<details open><summary>Where</summary>\n\n{fence}text\n"
    return _Part("problems", opening, drawn, f"{fence}\n\n</details>\n")


def _networks(checked: Sequence[CheckedNetwork]) -> _Part:
    """Every network with its totals, those that failed first."""
    limited = [finding.metric for network in checked for finding in network.findings]
    wanted = dict.fromkeys([*_TOTALS, *[name for name in limited if name in TOTALS]])
    shown = [name for name in wanted if any(name in network.totals for network in checked)]
    dtypes = list(dict.fromkeys([network.dtype for network in checked if network.dtype]))
    opening = _row("network", "", *[_title(name, dtypes) for name in shown])
    opening += _row("---", "---", *["---:"] * len(shown))
    rows = [
        _row(
            _code(network_name(network)),
            _outcome(network),
            *[_total(network, name, mixed=len(dtypes) > 1) for name in shown],
        )
        for network in sorted(checked, key=lambda network: not network.status)
    ]
    return _Part("networks", opening, rows, "")


def _title(name: str, dtypes: Sequence[str]) -> str:
    """The heading of a total; of bytes with the type of the numbers, if all have one."""
    meant = f", {dtypes[0]}" if TOTALS[name].unit == BYTES and len(dtypes) == 1 else ""
    return TOTALS[name].title + meant


def _outcome(network: CheckedNetwork) -> str:
    if network.status:
        return "**failed**"
    return "warning" if network.warnings else "ok"


def _total(network: CheckedNetwork, name: str, *, mixed: bool) -> str:
    """A total, and by how much it differs from the baseline's.

    mixed  whether bytes are those of several types of numbers
    """
    if name not in network.totals:
        return ""
    total = network.totals[name]
    before = network.baseline.get(name, total)
    shown = f"{total:,}"
    if TOTALS[name].unit == BYTES:
        shown = f"{short_bytes(total)} ({network.dtype})" if mixed else short_bytes(total)
    if name in network.least:
        shown = f"at least {shown}"
    return shown + (f" ({change_text(before, total)})" if before != total else "")


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |\n"


def _code(text: str) -> str:
    """A name as code, in which nothing is markup, mentions a person or links to an issue.

    >>> print(_code("a|b`c"))
    ``a\\|b`c``
    """
    text = printable(text, 500).replace("|", "\\|")
    fence = "`" * max([0, *[len(run) for run in re.findall("`+", text)]]) + "`"
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return fence + space + text + space + fence
