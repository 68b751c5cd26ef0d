"""`convcalc export` as a shell sees it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tests.cli.runner import run, spec
from tests.exchange.runtime import CLOSE
from tests.exchange.runtime import run as run_model
from tests.executor.values import relative_error

SMALL = """
input: [1, 8, 8]
layers:
  - {conv: 2, kernel: 3, norm: batch, activation: relu}
  - {dense: 3}
"""


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    return spec(tmp_path, SMALL)


def test_a_file_computes_what_verify_computes(small: str) -> None:
    result = run("export", small, "--output", "net.onnx", "--seed", "4", "--batch", "3")
    assert (result.status, result.out) == (0, "")
    assert result.err == "net written to net.onnx\n"
    run("verify", small, "--seed", "4", "--batch", "3", "--save", "out.npz")
    rng = np.random.default_rng(0)
    image = rng.uniform(-1, 1, (3, 1, 8, 8)).astype(np.float32)
    np.save("x.npy", image)
    verified = run("verify", small, "--seed", "4", "--input-file", "x.npy", "--save", "out.npz")
    assert verified.status == 0
    (expected,) = np.load("out.npz").values()
    (found,) = run_model("net.onnx", {"input": image})
    assert relative_error(found, expected) < CLOSE


def test_weights_of_a_file(small: str) -> None:
    run("weights", small, "--output", "w.npz", "--seed", "7")
    run("export", small, "--output", "one.onnx", "--weights", "w.npz")
    run("export", small, "--output", "two.onnx", "--seed", "7")
    assert Path("one.onnx").read_bytes() == Path("two.onnx").read_bytes()


def test_weights_that_do_not_fit_leave_the_old_file(small: str) -> None:
    run("weights", "lenet", "--output", "w.npz")
    Path("net.onnx").write_text("as it was", encoding="utf-8")
    result = run("export", small, "--output", "net.onnx", "--weights", "w.npz")
    assert result.status == 2
    assert "error[bad-weights]" in result.err
    assert Path("net.onnx").read_text(encoding="utf-8") == "as it was"


def test_a_layer_without_a_counterpart_leaves_the_old_file(small: str, tmp_path: Path) -> None:
    across = spec(tmp_path, SMALL.replace("{dense: 3}", "{lrn: 2, name: across}"), "lrn.yaml")
    Path("net.onnx").write_text("as it was", encoding="utf-8")
    result = run("export", across, "--output", "net.onnx")
    assert result.status == 1
    assert "lrn.yaml:5:6: error[no-counterpart]: across: lrn has no counterpart in ONNX" in (
        result.err
    )
    assert Path("net.onnx").read_text(encoding="utf-8") == "as it was"
    assert sorted(os.listdir()) == ["lrn.yaml", "net.onnx", "net.yaml"]


@pytest.mark.parametrize(
    ("framework", "text"),
    [
        ([], "class Net(nn.Module):"),
        (["--framework", "torch"], "class Net(nn.Module):"),
        (["--framework", "keras"], "def net():"),
    ],
)
def test_source(small: str, framework: list[str], text: str) -> None:
    result = run("export", small, "--output", "net.py", *framework)
    assert (result.status, result.out, result.err) == (0, "", "")
    source = Path("net.py").read_text(encoding="utf-8")
    assert text in source
    compile(source, "net.py", "exec")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output", ""], "--output names no file"),
        (["--output", "net.txt"], "--output net.txt: the name must end in .onnx or .py"),
        (["--output", "n.onnx", "--framework", "torch"], "--framework is about source"),
        (["--output", "n.py", "--framework", "jax"], "--framework cannot be 'jax'"),
        (["--output", "n.py", "--weights", "w.npz"], "source holds no weights"),
        (["--output", "nosuch/net.onnx"], "--output nosuch/net.onnx cannot be written"),
        (["--output", "n.onnx", "--batch", "0"], "--batch must be a whole number from 1"),
        (["--output", "n.onnx", "--weights", "none.npz"], "there is no such file"),
    ],
)
def test_wrong_usage(small: str, arguments: list[str], message: str) -> None:
    result = run("export", small, *arguments)
    assert (result.status, result.out) == (2, "")
    assert message in result.err


def test_a_name_with_control_characters_is_escaped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a\u202eb.yaml").write_text(SMALL, encoding="utf-8")
    result = run("export", "a\u202eb.yaml", "--output", "net.onnx")
    assert (result.status, result.err) == (0, "a\\u202eb written to net.onnx\n")
