"""The lock: what every network of a project costs, in a text that is committed with it.

    convcalc.lock 1
    # What each network costs, so that a pull request's diff shows it. ...

    network configs/lenet.yaml
      input input: 1x28x28
      output dense2: 10
      dtype float32
      total params: 61,706
      total macs: 416,520
      total peak_memory: 28,224 B
      layer conv0: conv 5x5 + sigmoid -> 6x28x28, params 156, macs 117,600

A changed layer is one changed line: no column is aligned with another row's. Networks are sorted by
file and variant; layers are in execution order, each on a line with what is fused to it. Costs
hold for one sample. A network's line begins in the first column, where git finds it for the heading
of a hunk.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple, NoReturn

from convcalc.analysis.costs.cost import Cost
from convcalc.analysis.costs.report import Report
from convcalc.analysis.units import Unit
from convcalc.checks.project.targets import LOCK_NAME
from convcalc.language.load import read_file
from convcalc.metrics import TOTALS
from convcalc.problems import UNUSABLE, ConvcalcError, Help, Problem, Rule, Source, Span, printable
from convcalc.quantities import BYTES, DEFAULT_DTYPE, DTYPES
from convcalc.roots import current_access
from convcalc.shapes import Shape, cross_text

#: Changes whenever a text of before could be misread.
VERSION = 1

#: How many times as long as a spec a lock may be.
_TIMES_A_SPEC = 4
#: Networks in a lock: convcalc.yaml lists half as many at most.
MOST_NETWORKS = 20_000
#: Lines of a lock: short ones would be too many before its bytes are.
MOST_LINES = 250_000
#: What stands before a total of which a part is unknown, and in place of a layer's figure.
_LEAST = "at least "
_UNKNOWN = "?"
_FIRST = f"{LOCK_NAME} {VERSION}"
_ABOUT = (
    "# What each network costs, so that a pull request's diff shows it. `convcalc lock` writes",
    "# this file, and accepts a change; `convcalc lock --check` tells whether it holds.",
)


class LockedLayer(NamedTuple):
    """A layer with what is fused to it: what it is, the shape of its result, what it costs.

    What of that is unknown is None.
    """

    kind: str
    output: Shape
    params: int | None
    macs: int | None

    @property
    def cost(self) -> Cost:
        """What it costs, as much of it as the lock has."""
        params, macs = self.params, self.macs
        unknown, unlisted = int(macs is None), int(params is None)
        return Cost(params or 0, macs=macs or 0, unknown=unknown, unlisted=unlisted)


class LockedNetwork(NamedTuple):
    """One network's costs, for one sample.

    file     relative to the lock's folder, with forward slashes, or a shipped network's name
    variant  the arguments that it was given: "width=0.5"; "" for the file as it is
    inputs   shapes by name
    outputs  shapes by name
    totals   by the names of the measures, bytes as numbers of bytes
    layers   by path, in execution order
    dtype    what a number takes in memory, in totals of bytes
    """

    file: str
    variant: str
    inputs: dict[str, Shape]
    outputs: dict[str, Shape]
    totals: dict[str, int]
    layers: dict[str, LockedLayer]
    dtype: str = DEFAULT_DTYPE

    def misses(self, metric: str) -> bool:
        """Whether a part of a total is unknown."""
        return any([layer.cost.misses(metric) for layer in self.layers.values()])

    @property
    def title(self) -> str:
        """What messages call it."""
        return f"{self.file} ({self.variant})" if self.variant else self.file


class Lock:
    """What a lock holds; `source` is its text, for messages.

    spans   the line of each network, by file and variant
    unread  the rows of networks that were not asked for yet, which begin below those lines
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.spans: dict[tuple[str, str], Span] = {}
        self.unread: dict[tuple[str, str], list[str]] = {}
        self._read: dict[tuple[str, str], LockedNetwork] = {}

    @property
    def networks(self) -> dict[tuple[str, str], LockedNetwork]:
        """Every network, by file and variant; raises ConvcalcError as `find` does."""
        for file, variant in self.spans:
            self.find(file, variant)
        return {key: self._read[key] for key in self.spans}

    def find(self, file: str, variant: str = "") -> LockedNetwork | None:
        """A network's entry; None where it is not locked.

        Raises ConvcalcError with status 2 where a row of it is none.
        """
        key = (file, variant)
        rows = self.unread.pop(key, None)
        if rows is not None:
            network = self._read[key] = LockedNetwork(file, variant, {}, {}, {}, {})
            dtype = ""
            for number, row in enumerate(rows, self.spans[key].line + 1):
                match = _DTYPE.fullmatch(row)
                if match is not None:
                    if dtype:
                        _refuse_twice(self.source, number, "the dtype")
                    dtype = match[1]
                    self._read[key] = network._replace(dtype=dtype)
                elif row and not row.startswith("#"):
                    _read_row(self.source, number, row, network)
        return self._read.get(key)

    def place(self, network: LockedNetwork, path: str = "") -> str:
        """Where a network or one of its layers is locked: `convcalc.lock:12`."""
        number = self.spans[network.file, network.variant].line
        if path in network.layers:
            start = f"  layer {path}: "
            while not self.source.line(number).startswith(start):
                number += 1
        return f"{printable(self.source.name, 4096)}:{number}"


def locked_network(
    file: str,
    variant: str,
    report: Report,
    totals: Mapping[str, int],
    dtype: str = DEFAULT_DTYPE,
) -> LockedNetwork:
    """A network's entry, of its report for one sample and its totals as measured for a dtype."""
    network = report.network
    layers = {unit.path: locked_layer(unit) for unit in report.units if unit.members}
    outputs = {name: network.nodes[index].shape for name, index in network.outputs.items()}
    return LockedNetwork(file, variant, network.inputs, outputs, dict(totals), layers, dtype)


def locked_layer(unit: Unit) -> LockedLayer:
    """What the lock holds of a layer."""
    cost = unit.cost
    return LockedLayer(unit.summary, unit.output[1:], cost.known("params"), cost.known("macs"))


# Writing.


def lock_text(networks: Iterable[LockedNetwork]) -> str:
    """The lock that holds these networks: the same text for the same networks, in any order."""
    lines = [_FIRST, *_ABOUT]
    for network in sorted(networks, key=lambda one: (one.file, one.variant)):
        variant = f" {_text(network.variant)}" if network.variant else ""
        lines += ["", f"network {_word(network.file)}{variant}"]
        lines += [f"  input {name}: {cross_text(s)}" for name, s in network.inputs.items()]
        lines += [f"  output {name}: {cross_text(s)}" for name, s in network.outputs.items()]
        lines.append(f"  dtype {network.dtype}")
        partial = any([layer.macs is None for layer in network.layers.values()])
        lines += [
            f"  total {name}: {_LEAST * (partial and network.misses(name))}{value:,}"
            f"{unit_text(name)}"
            for name, value in network.totals.items()
        ]
        lines += [
            f"  layer {path}: {kind} -> {cross_text(output)},"
            f" params {_figure(params)}, macs {_figure(macs)}"
            for path, (kind, output, params, macs) in network.layers.items()
        ]
    return "\n".join(lines) + "\n"


def _figure(value: int | None) -> str:
    return _UNKNOWN if value is None else f"{value:,}"


def unit_text(name: str) -> str:
    """What follows a total's number: bytes have their unit."""
    return " B" if name in TOTALS and TOTALS[name].unit == BYTES else ""


def _word(text: str) -> str:
    """A file's name as one word: quoted as in JSON where it has spaces or the like."""
    if re.fullmatch(r'[^\s"#]\S*', text) and text.isprintable():
        return text
    import json

    return json.dumps(text)


def _text(text: str) -> str:
    """Text to the end of the line: quoted as in JSON where that would change it."""
    if text == text.strip() and text.isprintable() and not text.startswith('"'):
        return text
    import json

    return json.dumps(text)


# Reading.

# Bounded, because int() refuses thousands of digits.
_NUMBER = r"(0|[1-9][0-9]{0,2}(?:,[0-9]{3}){0,99})"
_SHAPE = r"([1-9][0-9]{0,9}(?:x[1-9][0-9]{0,9}){0,9})"
# A path has 4,096 bytes at most, of which JSON makes six characters each. Matching takes memory for
# every character.
_NETWORK = re.compile(r'network ("(?:[^"\\]|\\.){0,30000}"|[^\s"#]\S*)(?: (\S.*))?')
_FIGURE = rf"({re.escape(_UNKNOWN)}|{_NUMBER[1:]}"
_LAYER = re.compile(rf"  layer (\S+): (.+) -> {_SHAPE}, params {_FIGURE}, macs {_FIGURE}")
_TOTAL = re.compile(rf"  total (\S+): (?:{_LEAST})?{_NUMBER}(?: B)?")
_DTYPE = re.compile(rf"  dtype ({'|'.join(DTYPES)})")
_PUT = re.compile(rf"  (input|output) (\S+): {_SHAPE}")
#: By this line a text is known to be a lock.
_VERSION_LINE = re.compile(rf"^{re.escape(LOCK_NAME)} [0-9]", re.MULTILINE)
_CONFLICT = re.compile(r"<{7}(?: |$)|={7}$|>{7}(?: |$)|\|{7}(?: |$)")

_ANEW = "`convcalc lock` writes it"
_AGAIN = "take it as it was committed (git checkout), then `convcalc lock`"
_SIDE = "take either side as it is (git checkout --ours or --theirs), then `convcalc lock`"


def read_lock_text(path: str) -> Source:
    """The text of a lock, which has the layers of many specs; raises ConvcalcError."""
    linked = os.path.islink(path)
    return read_file(path, "the lock", named=not linked, links=linked, times=_TIMES_A_SPEC)


def most_bytes() -> int:
    """How long a lock may be to be read."""
    return _TIMES_A_SPEC * current_access().max_file_size


def read_lock(path: str, *, whole: bool = True) -> Lock:
    """The lock in a file.

    Raises ConvcalcError with status 2 where it cannot be opened, is of another version, holds the
    marks of a merge, or is not what `lock_text` writes. Of a lock of which only a few networks are
    asked for, and which is not read as a `whole`, the rows of the others are not looked at.
    """
    return parse_lock(read_lock_text(path), whole=whole)


def parse_lock(source: Source, *, whole: bool = True) -> Lock:
    """The lock in a text; raises ConvcalcError with status 2, which names the line.

    A link may have led to any file: of one that is no lock, nothing is shown.
    """
    try:
        return _parse(source, whole)
    except ConvcalcError as error:
        if source.named or _VERSION_LINE.search(source.text):
            raise
        hidden = [problem.without_text() for problem in error.problems]
        raise ConvcalcError(hidden, error.status) from None


def _parse(source: Source, whole: bool) -> Lock:
    # A checkout on Windows may have turned the ends of lines.
    lines = source.text.replace("\r\n", "\n").split("\n")
    _check_version(source, lines)
    if source.text.count("\n") > MOST_LINES:
        message = f"the lock has more than {MOST_LINES:,} lines"
        help_text = f"remove it, then {_ANEW} anew"
        _refuse(source, MOST_LINES + 1, "lock-too-long", message, help_text)
    lock = Lock(source)
    rows: list[str] | None = None
    for number, line in enumerate(lines[1:], 2):
        if rows is not None and (line.startswith(("  ", "#")) or not line):
            rows.append(line)
        elif line.startswith("network "):
            file, variant = _read_network(source, number, line)
            key = (file, variant)
            if key in lock.spans:
                what = f"{file} ({variant})" if variant else file
                _refuse_twice(source, number, what, lock.spans[key].line)
            if len(lock.spans) == MOST_NETWORKS:
                message = f"the lock holds more than {MOST_NETWORKS:,} networks"
                help_text = f"remove it, then {_ANEW} anew"
                _refuse(source, number, "too-many-networks", message, help_text)
            lock.spans[key] = Span(source, number, 1, len(line))
            rows = lock.unread[key] = []
        elif line and not line.startswith("#"):
            _refuse_line(source, number, line)
    if whole:
        for file, variant in lock.spans:
            lock.find(file, variant)
    return lock


def _check_version(source: Source, lines: list[str]) -> None:
    first = lines[0]
    if first == _FIRST:
        return
    other = re.fullmatch(rf"{re.escape(LOCK_NAME)} ([0-9]{{1,9}})", first)
    if other:
        newer = int(other[1]) > VERSION
        help_text = "use the newer convcalc that wrote it"
        _refuse(
            source,
            1,
            "lock-version",
            f"the lock is of version {other[1]}, and this convcalc reads version {VERSION}",
            help_text if newer else f"remove it, then {_ANEW} anew",
        )
    if not source.text.strip():
        _refuse(source, 1, "bad-lock", "the lock is empty", f"remove it, then {_ANEW} anew")
    _refuse_line(source, 1, first, f"a lock begins with the line '{_FIRST}'")


def _read_network(source: Source, number: int, line: str) -> tuple[str, str]:
    """A network's file and variant."""
    match = _NETWORK.fullmatch(line)
    if match is None:
        _refuse_line(source, number, line)
    file = _unquoted(source, number, line, match[1])
    variant = _unquoted(source, number, line, match[2] or "")
    return file, variant


def _unquoted(source: Source, number: int, line: str, text: str) -> str:
    if not text.startswith('"'):
        return text
    import json

    try:
        return str(json.loads(text))
    except ValueError:
        _refuse_line(source, number, line)


def _read_row(source: Source, number: int, line: str, network: LockedNetwork) -> None:
    match = _LAYER.fullmatch(line)
    if match is not None:
        path, kind, output, params, macs = match.groups()
        if path in network.layers:
            _refuse_twice(source, number, f"the layer {path}")
        network.layers[path] = LockedLayer(kind, _shape(output), *map(_known, (params, macs)))
        return
    match = _TOTAL.fullmatch(line)
    if match is not None:
        if match[1] in network.totals:
            _refuse_twice(source, number, f"the total {match[1]}")
        network.totals[match[1]] = _number(match[2])
        return
    match = _PUT.fullmatch(line)
    if match is None:
        _refuse_line(source, number, line)
    shapes = network.inputs if match[1] == "input" else network.outputs
    if match[2] in shapes:
        _refuse_twice(source, number, f"the {match[1]} {match[2]}")
    shapes[match[2]] = _shape(match[3])


def _known(text: str) -> int | None:
    return None if text == _UNKNOWN else _number(text)


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def _shape(text: str) -> Shape:
    return tuple([int(size) for size in text.split("x")])


def _refuse_line(source: Source, number: int, line: str, rule: str = "") -> NoReturn:
    if _CONFLICT.match(line):
        message = "the lock holds the marks of a merge that is not finished"
        _refuse(source, number, "lock-conflict", message, _SIDE)
    rule = (
        rule
        or "lines are network, input, output, dtype, total or layer, as `convcalc lock` writes them"
    )
    shown = f"'{printable(line.strip())}'" if line.strip() else "an empty line"
    _refuse(source, number, "bad-lock", f"{shown} is no line of a lock", _AGAIN, rule)


def _refuse_twice(source: Source, number: int, what: str, first: int = 0) -> NoReturn:
    place = f" at line {first} already" if first else " twice"
    message = f"{printable(what, 200)} is locked{place}"
    _refuse(source, number, "lock-duplicate", message, f"remove one of them, then {_ANEW} anew")


def _refuse(
    source: Source, number: int, code: str, message: str, help_text: str, rule: str = ""
) -> NoReturn:
    line = source.line(number)
    column = len(line) - len(line.lstrip()) + 1
    span = Span(source, number, column, max(len(line) - column + 1, 1))
    facts = [Rule(rule)] if rule else []
    problem = Problem(code, message, span, (*facts, Help(help_text)))
    raise ConvcalcError([problem], UNUSABLE)
