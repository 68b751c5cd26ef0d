"""`convcalc solve`: the best variant and its proof."""

from __future__ import annotations

import json
from itertools import product

import pytest

from convcalc import Analysis, load, measure
from tests.cli.runner import run

BOARD = (
    *("mobilenet_v2", "--over", "width=0.1..1:0.05", "--over", "in_size=96..224:32"),
    *("--dtype", "int8"),
)


def test_the_best_and_the_proof() -> None:
    result = run("solve", *BOARD, "--maximize", "macs", "--limit", "peak_memory<=1MB")
    assert result.status == 0
    assert result.out.startswith("mobilenet_v2: the most macs\nwidth=1 in_size=128\n")
    assert "runner-up: width=0.95 in_size=128\n" in result.out
    assert "95 points, every one of the space:\n37 break peak_memory<=1MB\n" in result.out


def test_json_adds_up() -> None:
    limits = ("--limit", "arena<=600kB", "--limit", "weights<=2MB")
    result = run("solve", *BOARD, "--maximize", "macs", *limits, "--format", "json")
    data = json.loads(result.out)
    assert data["schema"] == "convcalc.solve/1"
    assert data["best"]["metrics"]["arena"] <= 600_000
    proof = data["proof"]
    points = proof.pop("points")
    assert points == 95 == sum(proof.pop("broken").values()) + sum(proof.values())


def test_the_smallest_input() -> None:
    result = run("solve", "unet", "--minimize", "in_size")
    assert "in_size=188\n" in result.out
    assert (
        "1,024 points, every one of the space:\n  971 are no networks, or of unknown cost\n"
        in result.out
    )


def test_nothing_keeps_the_limits() -> None:
    result = run("solve", *BOARD, "--minimize", "params", "--limit", "weights<=1kB")
    assert result.status == 1
    assert "no variant keeps every limit" in result.out
    assert (
        "`convcalc sweep --keep` with the same --over and --limit shows by how much." in result.out
    )
    assert "\nBytes are those of numbers in " in result.out
    assert "95 break weights<=1kB" in result.out
    assert "Bytes are those of numbers in int8." in result.out


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "solve needs one of --maximize and --minimize"),
        (("--maximize", "macs", "--minimize", "macs"), "solve needs one of"),
        (("--maximize", "macs"), "nothing varies"),
        (("--maximize", "mac", "--over", "in_size=32"), "no metric is called 'mac'"),
        (("--minimize", "macs", "--limit", "macs>=5kB", "--over", "in_size=32"), "is bytes"),
    ],
)
def test_mistakes(options: tuple[str, ...], says: str) -> None:
    result = run("solve", "resnet8", *options)
    assert (result.status, result.out) == (2, "")
    assert says in result.err


def test_the_widest_that_fits_a_board() -> None:
    space = ["--over", "width=0.25..1:0.25", "--over", "in_size=64,96", "--set", "classes=2"]
    asked = ["solve", "mobilenet_v2", "--maximize", "macs", *space, "--dtype", "int8"]
    found = json.loads(run(*asked, "--device", "nano_33_ble", "--format", "json").out)
    fitting = {}
    for width, size in product((0.25, 0.5, 0.75, 1), (64, 96)):
        args = {"width": width, "classes": 2}
        analysis = Analysis(load("mobilenet_v2", args=args, input=[3, size, size]))
        arena, flash = [measure(analysis, f"tflm_{what}", "int8") for what in ("arena", "weights")]
        if arena <= 256 * 1024 and flash <= 1024 * 1024:
            fitting[analysis.report.totals.macs] = {"width": width, "in_size": size}
    assert found["best"]["args"] == fitting[max(fitting)]
    assert found["proof"]["kept"] + found["proof"]["unneeded"] == len(fitting)


def test_a_sweep_keeps_to_a_board() -> None:
    space = ["--over", "width=0.25,1", "--over", "in_size=96", "--set", "classes=2"]
    asked = ["sweep", "mobilenet_v2", *space, "--dtype", "int8", "--device", "stm32f746"]
    rows = json.loads(run(*asked, "--format", "json").out)["variants"]
    assert [row["args"]["width"] for row in rows] == [0.25]
