"""`convcalc balance`, from arguments to what is printed."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.runner import run


def rows(*arguments: str) -> list[dict[str, str]]:
    result = run("balance", *arguments, "--format", "csv")
    assert result.err == ""
    return list(csv.DictReader(io.StringIO(result.out)))


class TestTable:
    def test_exact_figures(self) -> None:
        found = {row["name"]: row for row in rows("lenet", "--device", "laptop_core")}
        assert found["pool0"] == {
            "name": "pool0",
            "kind": "avgpool 2x2 /2",
            "operations": "4704",
            "read": "18816",
            "weights": "0",
            "written": "4704",
            "bytes": "23520",
            "intensity": "1/5",
            "at_least_ps": "612500",
            "bound_by": "memory",
        }

    def test_without_a_device_there_are_no_times(self) -> None:
        assert "at_least_ps" not in rows("lenet")[0]
        out = run("balance", "lenet").out
        assert "At least" not in out
        assert "op/byte" in out

    @pytest.mark.parametrize("style", ["table", "plain", "markdown"])
    def test_every_face_calls_it_a_bound(self, style: str) -> None:
        out = run("balance", "lenet", "--device", "a100", "--format", style).out
        assert "a bound, not a prediction" in out
        assert "at least" in out
        assert "Source: NVIDIA" in out

    def test_totals_do_not_depend_on_the_rows(self) -> None:
        def last(*arguments: str) -> str:
            out = run("balance", "resnet18", "--device", "a100", *arguments).out
            return next(" ".join(line.split()) for line in out.splitlines() if "total" in line)

        assert last() == last("--depth", "1") == last("--sort", "time", "--top", "2")
        assert last("--expand") == last("--by", "kind")

    def test_sorting(self) -> None:
        for key, column in [
            ("bytes", "bytes"),
            ("operations", "operations"),
            ("time", "at_least_ps"),
        ]:
            found = [
                int(row[column]) for row in rows("resnet18", "--device", "a100", "--sort", key)
            ]
            assert found == sorted(found, reverse=True)
        assert rows("lenet", "--sort", "intensity")[0]["name"] == "conv1"
        assert rows("lenet", "--sort", "name")[0]["name"] == "conv0"

    def test_types(self) -> None:
        out = run("balance", "lenet", "--dtype", "float16", "--weights", "int8").out
        assert "Types: float16 values, int8 weights." in out


def test_json_adds_to_the_report() -> None:
    result = run("balance", "lenet", "--device", "cortex_m7", "--dtype", "int8", "--format", "json")
    data = json.loads(result.out)
    assert data["schema"] == "convcalc.report/1"
    conv, sigmoid = data["layers"][:2]
    assert conv["balance"]["weights"] == conv["params"] == 156
    assert sigmoid["balance"] == {
        "operations": 14112,
        "read": 4704,
        "weights": 0,
        "written": 4704,
        "bytes": 9408,
        "intensity": "3/2",
        "at_least_ps": 14112 * 10**12 // 1_920_000_000,
        "bound_by": "compute",
    }
    found = data["balance"]
    assert (found["dtype"], found["weights"]) == ("int8", "int8")
    assert found["device"]["operations"] == {"float32": 960000000, "int8": 1920000000}
    assert found["totals"]["operations"] == data["totals"]["flops"]
    assert [layer["name"] for layer in found["layers"]][:2] == ["conv0", "pool0"]
    times = [layer["at_least_ps"] for layer in found["layers"]]
    assert 0 <= found["totals"]["at_least_ps"] - sum(times) < len(times)


def test_json_without_a_device() -> None:
    data = json.loads(run("balance", "lenet", "--format", "json").out)
    assert data["balance"]["device"] is None
    assert "at_least_ps" not in data["balance"]["totals"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dtype", "float"], "--dtype cannot be 'float'"),
        (["--weights", "int4"], "--weights cannot be 'int4'"),
        (["--device", "a10"], "did you mean 'a100'?"),
        (["--device", "laptop_core", "--dtype", "int8"], "states no peak for int8"),
        (["--sort", "time"], "only a device gives times"),
        (["--sort", "bits"], "--sort cannot be 'bits'"),
        (["--format", "svg"], "--format cannot be 'svg'"),
        (["--top", "0"], "--top must be at least 1"),
    ],
)
def test_wrong_usage(arguments: list[str], message: str) -> None:
    result = run("balance", "lenet", *arguments)
    assert (result.status, result.out) == (2, "")
    assert message in result.err


def test_a_device_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "board.yaml"
    path.write_text("name: b\noperations: {float32: 1M}\nbytes: 1MB\nsource: none\n")
    assert run("balance", "lenet", "--device", str(path)).status == 0
    path.write_text("name: b\noperations: {float32: 1M}\nbytes: 1M\nsource: none\n")
    result = run("balance", "lenet", "--device", str(path))
    assert result.status == 2
    assert f"{path}:3:8: error[bad-unit]" in result.err
