"""Devices: how many operations and bytes one does in a second at most, and what memory it has."""

from __future__ import annotations

import os
from typing import NamedTuple, NoReturn

from convcalc.language.load import read_file
from convcalc.language.reading.nodes import MOST_PROBLEMS, MapNode, ScalarNode, YamlNode, read_yaml
from convcalc.language.shipped import is_word, shipped_folder
from convcalc.problems import UNUSABLE, ConvcalcError, Problem, RuleError, helps, printable, refused
from convcalc.quantities import BYTES, COUNT, DTYPES, read_quantity
from convcalc.spelling import did_you_mean

KEYS = ("name", "operations", "bytes", "ram", "flash", "source")
#: Those that boards have, and other devices need not.
_OF_BOARDS = ("ram", "flash")
#: More than any device does in a second. Bounds are whole picoseconds, and would all be 0 above it.
MOST = 10**18


class Device(NamedTuple):
    """The peaks of a device, and the memory of a board.

    name        what it is called
    operations  scalar operations a second, by the type of the numbers; a multiply-add is two
    bytes       bytes a second to and from the memory that holds tensors and weights
    source      where these figures are stated
    ram         bytes of the largest block of RAM; 0 where it is not said
    flash       bytes of program memory, in which weights lie; 0 where it is not said
    """

    name: str
    operations: dict[str, int]
    bytes: int
    source: str
    ram: int = 0
    flash: int = 0


def device_names() -> list[str]:
    """The names of the devices that ship with convcalc.

    >>> device_names()
    ['a100', 'cortex_m7', 'esp32_s3', 'laptop_core', 'nano_33_ble', 'pico', 'stm32f746']
    """
    names = os.listdir(shipped_folder("devices"))
    return sorted([name.removesuffix(".yaml") for name in names if name.endswith(".yaml")])


def read_device(path: str) -> Device:
    """The device in a file, or the shipped one of that name; raises ConvcalcError, status 2.

    >>> read_device("a100").bytes
    2039000000000
    """
    if is_word(path) and not os.path.isfile(path):
        names = device_names()
        if path not in names:
            message = (
                f"no device called '{printable(path)}' ships with convcalc, and there is no such"
                " file"
            )
            raise refused("unknown-device", message, did_you_mean(path, names))
        path = os.path.join(shipped_folder("devices"), f"{path}.yaml")
    source = read_file(path, "a device")
    try:
        root = read_yaml(source)
    except ConvcalcError as error:
        raise ConvcalcError(error.problems, UNUSABLE) from None
    if not isinstance(root, MapNode):
        span = root.span if root is not None else None
        problem = Problem("bad-device", f"a device is a mapping of {', '.join(KEYS)}", span)
        raise ConvcalcError([problem.about(file=path)], UNUSABLE)
    return _Reading().device(root)


class _Reading:
    """One file; reports all of its mistakes at once."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def device(self, root: MapNode) -> Device:
        self.known_keys(root, KEYS, "a device")
        for key in KEYS:
            if key not in root.entries and key not in _OF_BOARDS:
                self.wrong(root, f"a device needs {key}", _EXAMPLES[key])
        entries = {key: value for key, (_, value) in root.entries.items()}
        device = Device(
            self.text(entries.get("name")),
            self.operations(entries.get("operations")),
            self.quantity(entries.get("bytes"), BYTES),
            self.text(entries.get("source")),
            self.memory(entries.get("ram")),
            self.memory(entries.get("flash")),
        )
        if self.problems:
            self.give_up()
        return device

    def give_up(self) -> NoReturn:
        raise ConvcalcError(self.problems, UNUSABLE)

    def operations(self, node: YamlNode | None) -> dict[str, int]:
        if node is None:
            return {}
        if not isinstance(node, MapNode) or not node.entries:
            self.wrong(
                node, "operations are given for each type of number", _EXAMPLES["operations"]
            )
            return {}
        self.known_keys(node, tuple(DTYPES), "operations")
        return {
            dtype: self.quantity(value, COUNT)
            for dtype, (_, value) in node.entries.items()
            if dtype in DTYPES
        }

    def known_keys(self, node: MapNode, keys: tuple[str, ...], what: str) -> None:
        for key, (written, _) in node.entries.items():
            if key not in keys:
                message = f"{what} has no '{printable(key)}'"
                self.wrong(written, message, did_you_mean(key, keys))

    def text(self, node: YamlNode | None) -> str:
        if node is None:
            return ""
        if not isinstance(node, ScalarNode) or not node.text.strip():
            self.wrong(node, "a text is expected here")
            return ""
        return " ".join(node.text.split())

    def memory(self, node: YamlNode | None) -> int:
        if node is None:
            return 0
        if not isinstance(node, ScalarNode):
            self.wrong(node, "an amount of memory is expected here", "ram: 320KiB")
            return 0
        try:
            value = read_quantity(node.text, BYTES)
        except RuleError as error:
            self.problems.append(error.at(node.span))
            return 0
        if not 1 <= value <= MOST:
            self.wrong(node, f"no board has {printable(node.text)} of memory", "ram: 320KiB")
        return value

    def quantity(self, node: YamlNode | None, unit: str) -> int:
        if node is None:
            return 0
        if not isinstance(node, ScalarNode):
            self.wrong(node, "a quantity a second is expected here", _EXAMPLES["bytes"])
            return 0
        try:
            value = read_quantity(node.text, unit)
        except RuleError as error:
            if node.text.strip().endswith("/s"):
                amount = printable(node.text.strip().removesuffix("/s").strip())
                self.wrong(node, "quantities of a device are per second anyway", f"write {amount}")
                return 0
            if node.text.strip().startswith("-"):
                self.wrong(node, f"{printable(node.text)} a second would never be done")
                return 0
            self.problems.append(error.at(node.span))
            return 0
        if value < 1:
            self.wrong(node, f"{printable(node.text)} a second would never be done")
        if value > MOST:
            self.wrong(
                node, f"no device does {printable(node.text)} a second", "at most 1e18 is taken"
            )
        return value

    def wrong(self, node: YamlNode, message: str, help_text: str = "") -> None:
        facts = helps(help_text)
        self.problems.append(Problem("bad-device", message, node.span, facts))
        if len(self.problems) >= MOST_PROBLEMS:
            self.give_up()


_EXAMPLES: dict[str, str] = {
    "name": "name: my board",
    "operations": "operations: {float32: 960M, int8: 1.92G}, a multiply-add being two",
    "bytes": "bytes: 1.92GB, read and written in a second",
    "source": "source: where the figures are from",
}
