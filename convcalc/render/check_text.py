"""What `check` found, for people: a block for each network that fails, a line for the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from convcalc.checks.project.findings import CheckedNetwork, Finding
from convcalc.facts import share_text
from convcalc.problems import Contributor, Problem, listed, printable
from convcalc.quantities import change_text, short_bytes
from convcalc.render.numbers import percent
from convcalc.render.table import display_width

#: Characters of a name that are shown.
_LONGEST = 200
#: Variants of a file that have lines of their own; of more, those of so many that fail or warn.
_MOST_VARIANTS = 10
_SHOWN_VARIANTS = 2


def check_text(checked: Sequence[CheckedNetwork]) -> str:
    """The whole report. Mistakes of reading and expectations are drawn elsewhere, with carets."""
    lines: list[str] = []
    for block in _blocks(checked):
        if len(block) > 1 and lines and lines[-1]:
            lines.append("")
        lines += block
        if len(block) > 1:
            lines.append("")
    lines.append(_counts(checked))
    return "\n".join(lines) + "\n"


def _blocks(checked: Sequence[CheckedNetwork]) -> Iterator[list[str]]:
    """The lines of each network; of many variants of a file those of the first that fail."""
    files: dict[str, list[CheckedNetwork]] = {}
    for network in checked:
        files.setdefault(network.file, []).append(network)
    for variants in files.values():
        if len(variants) <= _MOST_VARIANTS:
            yield from map(_block, variants)
            continue
        failed = [network for network in variants if network.status]
        warned = [network for network in variants if network.warnings and not network.status]
        quiet = [network for network in variants if not network.warnings and not network.status]
        for shown, what in ((quiet, "ok"), (warned, "with warnings"), (failed, "failed")):
            if what != "ok":
                yield from map(_block, shown[:_SHOWN_VARIANTS])
            left = shown if what == "ok" else shown[_SHOWN_VARIANTS:]
            if left:
                yield _together(left, what, len(variants))


def _together(variants: Sequence[CheckedNetwork], what: str, every: int) -> list[str]:
    """A line for variants of a file of which the same is to be said."""
    name = printable(variants[0].file, _LONGEST)
    if what == "ok":
        nearest = max(variants, key=lambda network: _use(network.findings))
        used = _used(nearest.findings)
        place = f" ({printable(nearest.variant, _LONGEST)})" if used and nearest.variant else ""
        return [f"{name}: {len(variants):,} of {every:,} variants ok{used}{place}"]
    names = listed([printable(one.variant or "as it is", _LONGEST) for one in variants])
    return [f"{name}: {len(variants):,} more {what}: {names}"]


def drawn_elsewhere(network: CheckedNetwork) -> list[Problem]:
    """The problems of a network that belong to no finding: of reading, of expectations."""
    # What a warning reports is among the network's warnings, never among its problems.
    found = {f.problem.identity for f in network.findings if f.problem and f.rule != "warn"}
    return [problem for problem in network.problems if problem.identity not in found]


def warnings_elsewhere(network: CheckedNetwork) -> list[Problem]:
    """The warnings of a network that belong to no finding: notes on how it is read."""
    found = {f.problem.identity for f in network.findings if f.problem and f.rule == "warn"}
    return [problem for problem in network.warnings if problem.identity not in found]


def concise_text(checked: Sequence[CheckedNetwork]) -> str:
    """A line for each problem and each warning, for editors: `path:line:col: code: message`.

    What several networks have in common is one line.
    """
    lines: dict[str, None] = {}
    for network in checked:
        for problem in (*network.problems, *network.warnings):
            place = str(problem.span) if problem.span else printable(network.file, 4096)
            own = problem.subject.file == network.file
            text = problem.about(file="").text if own else problem.text
            lines[f"{place}: {problem.code}: {printable(text, 1000)}\n"] = None
    return "".join(lines)


def _counts(checked: Sequence[CheckedNetwork]) -> str:
    bad = sum(1 for network in checked if network.status)
    warnings = sum(len(network.warnings) for network in checked)
    text = f"{len(checked)} checked, {f'{bad} failed' if bad else 'all ok'}"
    return f"{text}, {_counted(warnings, 'warning')}" if warnings else text


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _block(network: CheckedNetwork) -> list[str]:
    """One network: its line, and below it what is not as it should be."""
    skipped = f" ({network.skipped})" if network.skipped else ""
    name = printable(network.name, _LONGEST)
    broken = [finding for finding in network.findings if not finding.ok]
    if network.status:
        lines = [f"{name}: FAILED{skipped}"]
    else:
        # What is broken and does not fail is a warning.
        warnings = len(network.warnings)
        used = f", {_counted(warnings, 'warning')}" if warnings else _used(network.findings)
        lines = [f"{name}: ok{skipped}{used}"]
    lines += _table(broken)
    return lines + _parts(broken) + _advice(broken)


def _limits(findings: Sequence[Finding]) -> list[Finding]:
    """The limits of which a part is used up."""
    return [
        finding
        for finding in findings
        if finding.rule in {"budget", "fail-on"} and finding.baseline is None
        if finding.limit and finding.metric != "output"
    ]


def _use(findings: Sequence[Finding]) -> int:
    """How much of the nearest limit is used, in millionths."""
    return max([f.found * 10**6 // f.limit for f in _limits(findings)], default=0)


def _used(findings: Sequence[Finding]) -> str:
    """How near the nearest limit is."""
    limits = _limits(findings)
    if not limits:
        return ""
    nearest = limits[0]
    for finding in limits[1:]:
        if finding.found * nearest.limit > nearest.found * finding.limit:
            nearest = finding
    least = "at least " * nearest.least
    used = f", {nearest.metric} {least}{percent(nearest.found, nearest.limit)} of {nearest.written}"
    return used if len(limits) == 1 else f"{used}, the nearest of {len(limits)} limits"


def _row(finding: Finding) -> list[str]:
    """Metric, found, limit, by how much it is over, where the limit is."""
    place = f"{finding.place}, warns" if finding.rule == "warn" else finding.place
    found = "at least " * finding.least + _amount(finding.found, finding.unit)
    if finding.reads:
        return [finding.metric, finding.reads, finding.written, "", place]
    if finding.baseline is None:
        by = _amount(finding.found - finding.limit, finding.unit)
        if finding.limit:  # of 0 there are no percents
            by += f" ({change_text(finding.limit, finding.found)})"
        return [finding.metric, found, finding.written, by, place]
    before = _amount(finding.baseline, finding.unit)
    by = _amount(finding.found - finding.baseline, finding.unit)
    by += f" ({change_text(finding.baseline, finding.found)})"
    return [finding.metric, found, f"{before} {finding.written}", by, place]


def _amount(value: int, unit: str) -> str:
    """A count in full, bytes with two decimals: JSON has them in full."""
    return short_bytes(value) if unit else f"{value:,}"


def _table(broken: Sequence[Finding]) -> list[str]:
    """The broken limits in aligned columns under a heading, figures to the right."""
    if not broken:
        return []
    growths = [finding.baseline is not None for finding in broken]
    by = "over by" if not any(growths) else "grew by" if all(growths) else "over or grew by"
    every = [["metric", "found", "limit", by, "where"], *[_row(finding) for finding in broken]]
    widths = [max(display_width(row[i]) for row in every) for i in range(4)]
    lines = []
    for row in every:
        cells = [_padded(text, width) for text, width in zip(row, widths, strict=False)]
        cells[1:3] = [_padded(row[i], widths[i], right=True) for i in (1, 2)]
        lines.append("  " + "  ".join([*cells, row[4]]).rstrip())
    return lines


def _padded(text: str, width: int, right: bool = False) -> str:
    space = " " * (width - display_width(text))
    return space + text if right else text + space


def _parts(broken: Sequence[Finding]) -> list[str]:
    """The layers that cause it, with their places; once where two limits name the same."""
    lists: dict[tuple[str, tuple[Contributor, ...]], Finding] = {}
    for finding in broken:
        lists.setdefault((finding.metric, finding.parts), finding)
    lines = []
    for (metric, parts), finding in lists.items():
        if not parts:
            continue
        title = "heaviest" if parts[0].whole else "grew most" if parts[0].grew else "over it"
        rows = [
            [
                part.path,
                part.span.in_line if part.span else "",
                _amount(part.value, finding.unit),
                share_text(part),
                printable(part.change, _LONGEST),
            ]
            for part in parts
        ]
        widths = [max(display_width(row[i]) for row in rows) for i in range(5)]
        lines.append(f"  {metric}, {title}:")
        for row in rows:
            cells = [_padded(row[i], widths[i], right=i in {2, 3}) for i in range(5) if widths[i]]
            lines.append("    " + "  ".join(cells).rstrip())
    return lines


def _advice(broken: Sequence[Finding]) -> list[str]:
    """What to do, once for all that is broken."""
    if not broken:
        return []
    lines: dict[str, dict[str, None]] = {}
    for finding in broken:
        if finding.span is not None:
            file = printable(finding.span.source.name, 4096)
            lines.setdefault(file, {})[str(finding.span.line)] = None
    ways = ["make the network smaller"]
    if lines:
        places = " or ".join([f"{file}:{', '.join(numbers)}" for file, numbers in lines.items()])
        ways.append(f"edit the limit{'s' * (len(broken) > 1)} at {places}")
    if any(finding.baseline is not None for finding in broken):
        ways.append("accept the growth with `convcalc lock`")
    text = ways[0] if len(ways) == 1 else ", ".join(ways[:-1]) + f", or {ways[-1]}"
    return [f"  To do: {text}."]
