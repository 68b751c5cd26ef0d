"""`convcalc verify` and `convcalc weights` as a shell sees them."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from convcalc.layers.activation import Softmax
from tests.cli.runner import Result, run

ROOT = Path(__file__).resolve().parents[2]

SPEC = """name: small
input: [3, 8, 8]
layers:
  - {conv: 4, kernel: 3, norm: batch, activation: relu}
  - {maxpool: 2}
  - {dense: 5}
  - softmax
"""


@pytest.fixture
def small(tmp_path: Path) -> str:
    (tmp_path / "small.yaml").write_text(SPEC)
    return str(tmp_path / "small.yaml")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "convcalc", *arguments]


class TestReport:
    def test_every_operation_has_a_row_and_the_verdict_is_last(self, small: str) -> None:
        result = run("verify", small)
        assert (result.status, result.err) == (0, "")
        lines = result.out.splitlines()
        assert lines[0] == "small: input (1, 3, 8, 8)"
        assert lines[-1] == "all 6 observed shapes are as predicted"
        names = [line.split()[0] for line in lines[3:9]]
        assert names == ["conv0", "conv0.batchnorm", "conv0.relu", "pool0", "dense0", "softmax0"]
        # What runs with its layer has its time in that row.
        assert ["fused" in line for line in lines[3:9]] == [False, True, True, False, False, False]

    def test_json(self, small: str) -> None:
        result = run("verify", small, "--format", "json", "--batch", "3", "--repeat", "2")
        data = json.loads(result.out)
        assert data["schema"] == "convcalc.verify/1"
        assert (data["verdict"], data["batch"], data["runs"]) == ("agree", 3, 2)
        assert data["inputs"] == {"input": [3, 3, 8, 8]}
        assert data["outputs"] == {"softmax0": [3, 5]}
        conv = data["layers"][0]
        assert conv["path"] == "conv0"
        assert conv["line"] == 4
        assert conv["predicted"] == conv["observed"] == [3, 4, 6, 6]
        assert conv["bytes"] == 3 * 4 * 6 * 6 * 4
        assert conv["seconds"] > 0
        assert data["layers"][1]["seconds"] is None
        assert data["totals"]["differences"] == 0

    def test_csv_holds_whole_numbers(self, small: str) -> None:
        rows = list(csv.DictReader(io.StringIO(run("verify", small, "--format", "csv").out)))
        assert rows[0]["bytes"] == "576"
        assert rows[0]["observed"] == "(1, 4, 6, 6)"
        assert int(rows[0]["microseconds"]) >= 0

    def test_markdown(self, small: str) -> None:
        assert "| conv0 | conv |" in run("verify", small, "--format", "markdown").out

    def test_output_goes_to_a_file(self, small: str, tmp_path: Path) -> None:
        result = run("verify", small, "--format", "json", "--output", str(tmp_path / "v.json"))
        assert result == Result(0, "", "")
        assert json.loads((tmp_path / "v.json").read_text())["name"] == "small"

    def test_a_difference_names_layer_and_line(
        self, small: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Softmax, "output_shape", lambda self, inputs: (6,))
        result = run("verify", small, "--format", "plain")
        assert result.status == 1
        assert "(1, 5) differs" in result.out
        assert result.out.splitlines()[-1].startswith("1 of 6 observed shapes differ")
        assert f"{small}:7:" in result.err
        assert "softmax0: predicted (1, 6), observed (1, 5)" in result.err


class TestValues:
    def test_seed_decides_the_values(self, small: str, tmp_path: Path) -> None:
        found = []
        for number, seed in enumerate(["3", "3", "4"]):
            path = str(tmp_path / f"{number}.npz")
            assert run("verify", small, "--seed", seed, "--save", path).status == 0
            found.append(np.load(path)["softmax0"])
        np.testing.assert_array_equal(found[0], found[1])
        assert np.abs(found[0] - found[2]).max() > 1e-3

    def test_dtype(self, small: str, tmp_path: Path) -> None:
        path = str(tmp_path / "v.npz")
        run("verify", small, "--dtype", "float64", "--save", path)
        assert np.load(path)["softmax0"].dtype == np.float64

    def test_kept_layers_are_unfused(self, small: str, tmp_path: Path) -> None:
        path = str(tmp_path / "v.npz")
        result = run("verify", small, "--layers", "conv0, pool0", "--save", path)
        assert "fused" not in result.out
        values = dict(np.load(path))
        assert list(values) == ["softmax0", "conv0", "conv0.batchnorm", "conv0.relu", "pool0"]
        assert values["conv0"].min() < 0
        np.testing.assert_array_equal(values["conv0.relu"], values["conv0.batchnorm"].clip(0))

    def test_weights_file(self, small: str, tmp_path: Path) -> None:
        file, one, two = [str(tmp_path / name) for name in ("w.npz", "1.npz", "2.npz")]
        result = run("weights", small, "--output", file, "--seed", "9")
        assert (result.status, result.out) == (0, "")
        assert "8 arrays written" in result.err
        run("verify", small, "--weights", file, "--seed", "9", "--save", one)
        run("verify", small, "--seed", "9", "--save", two)
        np.testing.assert_array_equal(np.load(one)["softmax0"], np.load(two)["softmax0"])

    @pytest.mark.parametrize("option", ["--input-file", "--save", "--weights"])
    def test_an_empty_path_is_no_file(self, small: str, option: str) -> None:
        result = run("verify", small, option, "")
        assert (result.status, result.out) == (2, "")

    def test_input_file_decides_the_batch(self, small: str, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", np.zeros((7, 3, 8, 8)))
        result = run("verify", small, "--input-file", str(tmp_path / "x.npy"))
        assert "(7, 3, 8, 8)" in result.out

    def test_not_finite_is_a_warning(self, small: str, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", np.full((1, 3, 8, 8), np.inf))
        result = run("verify", small, "--input-file", str(tmp_path / "x.npy"))
        assert result.status == 0
        assert "warning: input input holds values that are not finite" in result.err

    def test_exact_and_threads_change_next_to_nothing(self, tmp_path: Path) -> None:
        text = "{input: [32, 32, 32], layers: [{conv: 32, kernel: 3, padding: 1}]}"
        (tmp_path / "n.yaml").write_text(text)
        found = []
        for number, options in enumerate([[], ["--exact"], ["--exact", "--threads", "2"]]):
            path = str(tmp_path / f"{number}.npz")
            assert run("verify", str(tmp_path / "n.yaml"), *options, "--save", path).status == 0
            found.append(np.load(path)["conv0"])
        np.testing.assert_allclose(found[0], found[1], atol=1e-4)
        # Winograd's transforms round differently: this is how one sees that it ran.
        assert np.abs(found[0] - found[1]).max() > 0
        np.testing.assert_allclose(found[1], found[2], atol=1e-5)


class TestRefusals:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--dtype", "float16"], "--dtype cannot be 'float16'"),
            (["--repeat", "0"], "--repeat must be at least 1"),
            (["--threads", "0"], "--threads must be at least 1"),
            (["--batch", "0"], "--batch must be a whole number"),
            (["--format", "listing"], "--format cannot be 'listing'"),
            (["--layers", "conv9"], "no layer or group called 'conv9'"),
            (["--input-file", "none.npy"], "there is no such file"),
            (["--weights", "none.npz"], "there is no such file"),
            (["--max-memory", "much"], "--max-memory takes a number of bytes"),
            (["--max-memory", "1kB"], "1000 B are allowed"),
            (["--max-memory", "1"], "1 B are allowed"),
            (["--save", "none/x.npz"], "none/x.npz"),
            (["--save", ""], "--save names no file"),
        ],
    )
    def test_status_2_and_no_traceback(self, small: str, options: list[str], message: str) -> None:
        result = run("verify", small, *options)
        assert result.status == 2, result.err
        assert message in result.err
        assert "Traceback" not in result.err

    def test_no_file_is_left(self, small: str, tmp_path: Path) -> None:
        before = sorted(tmp_path.iterdir())
        target = str(tmp_path / "v.npz")
        assert run("verify", small, "--max-memory", "1kB", "--save", target).status == 2
        assert sorted(tmp_path.iterdir()) == before

    def test_batch_and_file_disagree(self, small: str, tmp_path: Path) -> None:
        np.save(tmp_path / "x.npy", np.zeros((7, 3, 8, 8)))
        result = run("verify", small, "--batch", "2", "--input-file", str(tmp_path / "x.npy"))
        assert result.status == 2
        assert "holds 7 samples" in result.err


LONG = "{input: [64, 96, 96], layers: [{conv: 64, kernel: 3, padding: 1, repeat: 5000}]}"


@pytest.fixture
def long(tmp_path: Path) -> str:
    (tmp_path / "long.yaml").write_text(LONG)
    return str(tmp_path / "long.yaml")


class TestProcess:
    def test_interrupted(self, long: str, tmp_path: Path) -> None:
        target = tmp_path / "v.npz"
        process = subprocess.Popen(
            command("verify", long, "--save", str(target)),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        time.sleep(2)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (130, "", "\ninterrupted\n")
        assert sorted(tmp_path.iterdir()) == [Path(long)]

    def test_closed_pipe(self, small: str) -> None:
        process = subprocess.Popen(
            command("verify", small), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        process.stderr.close()
        assert process.wait(60) == 0

    @pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
    def test_progress_on_a_terminal_only(self, long: str) -> None:
        import pty

        master, slave = pty.openpty()
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
        process = subprocess.Popen(
            command("verify", long),
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=slave,
            env=environment,
        )
        os.close(slave)
        shown = b""
        while b"conv" not in shown or b"%" not in shown:
            shown += os.read(master, 4096)
        process.send_signal(signal.SIGINT)
        try:
            while True:
                shown += os.read(master, 4096)
        except OSError:
            # The other end is closed.
            pass
        os.close(master)
        assert process.wait(60) == 130
        assert b"interrupted" in shown
        # The cursor is shown again.
        assert shown.rindex(b"\x1b[?25h") > shown.rindex(b"\x1b[?25l")

    def test_one_thread_for_the_products(self) -> None:
        """Settled by the command before NumPy is there, and by nobody else."""
        code = (
            "import os, convcalc; convcalc.execute(convcalc.load('lenet'));"
            "print(os.environ.get('OPENBLAS_NUM_THREADS'))"
        )
        free = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
        result = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=free,
            capture_output=True,
            text=True,
            check=True,
        )
        assert result.stdout == "None\n"
