"""Devices from files: the shipped ones, and what is refused where."""

from __future__ import annotations

from pathlib import Path

import pytest

from convcalc.language.device import Device, device_names, read_device
from convcalc.problems import ConvcalcError
from convcalc.quantities import DTYPES

GOOD = """\
name: my board
operations: {float32: 1.5G, int8: 6G}
bytes: 3.2GB
source: measured
"""


def refused(path: str) -> list[str]:
    with pytest.raises(ConvcalcError) as caught:
        read_device(path)
    assert caught.value.status == 2
    return [str(problem) for problem in caught.value.problems]


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "board.yaml"
    path.write_text(GOOD)
    peaks = {"float32": 1_500_000_000, "int8": 6_000_000_000}
    assert read_device(str(path)) == Device("my board", peaks, 3_200_000_000, "measured")


def test_the_memory_of_a_board_is_read(tmp_path: Path) -> None:
    path = tmp_path / "board.yaml"
    path.write_text(f"{GOOD}ram: 320KiB\nflash: 1MB\n")
    board = read_device(str(path))
    assert (board.ram, board.flash) == (320 * 1024, 1_000_000)


def test_the_memory_of_the_shipped_boards() -> None:
    """As their data sheets state it."""
    boards = {name: read_device(name) for name in device_names()}
    kib = {name: (one.ram // 1024, one.flash // 1024) for name, one in boards.items() if one.ram}
    assert kib == {
        "cortex_m7": (512, 2048),
        "esp32_s3": (512, 8192),
        "nano_33_ble": (256, 1024),
        "pico": (264, 2048),
        "stm32f746": (320, 1024),
    }


@pytest.mark.parametrize("name", device_names())
def test_shipped_devices_are_read_and_say_where_their_figures_are_from(name: str) -> None:
    device = read_device(name)
    assert device.name
    assert len(device.source) > 20
    assert device.bytes > 0
    assert set(device.operations) <= set(DTYPES)
    assert "float32" in device.operations


def test_the_figures_of_the_shipped_devices() -> None:
    """Each as its file's comment derives it."""
    board, core, gpu = (read_device(name) for name in ("cortex_m7", "laptop_core", "a100"))
    assert board.operations == {"float32": 2 * 480_000_000, "int8": 4 * 480_000_000}
    assert board.bytes == 8 * 240_000_000
    assert core.operations == {"float32": 2 * 8 * 2 * 4_600_000_000}
    assert core.bytes == 2 * 8 * 2_400_000_000
    assert gpu.operations["float16"] == gpu.operations["bfloat16"] == 312 * 10**12
    assert gpu.operations["int8"] == 2 * gpu.operations["float16"]


WRONG = [
    ("source", "ram: 0B\nsource", "4:6", "no board has 0B of memory"),
    ("source", "flash: [1MB]\nsource", "4:8", "an amount of memory is expected here"),
    ("source", "ram: 320K\nsource", "4:6", "'K' is no unit of bytes"),
    ("operations", "operation", "1:1", "a device needs operations"),
    ("operations", "operation", "2:1", "a device has no 'operation'"),
    ("3.2GB", "3.2G", "3:8", "'3.2G' does not say which bytes it means"),
    ("3.2GB", "0B", "3:8", "0B a second would never be done"),
    ("3.2GB", "-3.2GB", "3:8", "-3.2GB a second would never be done"),
    ("3.2GB", "1e99B", "3:8", "no device does 1e99B a second"),
    ("1.5G", "-1", "2:23", "-1 a second would never be done"),
    ("1.5G", "1e99", "2:23", "no device does 1e99 a second"),
    ("3.2GB", "3.2GB/s", "3:8", "quantities of a device are per second anyway"),
    ("3.2GB", "[1, 2]", "3:8", "a quantity a second is expected here"),
    ("1.5G", "fast", "2:23", "'fast' is not a quantity"),
    ("1.5G", "1.5GB", "2:23", "is bytes, where a count is expected"),
    ("int8", "int4", "2:29", "operations has no 'int4'"),
    ("{float32: 1.5G, int8: 6G}", "3G", "2:13", "operations are given for each type of number"),
    ("{float32: 1.5G, int8: 6G}", "{}", "2:13", "operations are given for each type of number"),
    ("my board", "[a]", "1:7", "a text is expected here"),
    ("my board", "''", "1:7", "a text is expected here"),
    ("source: measured\n", "", "1:1", "a device needs source"),
    ("source: measured", "name: again", "4:1", "the key 'name' is written twice"),
]


@pytest.mark.parametrize(("old", "new", "place", "message"), WRONG)
def test_mistakes_are_reported_with_their_place(
    tmp_path: Path, old: str, new: str, place: str, message: str
) -> None:
    path = tmp_path / "board.yaml"
    path.write_text(GOOD.replace(old, new, 1))
    told = refused(str(path))
    assert any(line.startswith(f"{path}:{place}: ") and message in line for line in told), told


@pytest.mark.parametrize("text", ["", "- 1\n", "word\n", "\ttab: 1"])
def test_what_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "board.yaml"
    path.write_text(text)
    assert len(refused(str(path))) == 1


def test_files_that_are_not_there(tmp_path: Path) -> None:
    assert "ships with convcalc" in refused("a10")[0]
    assert "cannot be opened" in refused(str(tmp_path / "none.yaml"))[0]
    assert "folder" in refused(str(tmp_path))[0]
