"""Modules of PyTorch, where PyTorch is installed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convcalc
from convcalc.problems import ConvcalcError
from convcalc.torch import module_named
from tests.cli.runner import run

NET = """\
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return torch.relu(x + self.conv2(torch.relu(self.norm1(self.conv1(x)))))


def make_net():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(), Block(8), Block(8),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5),
    )


def wrong():
    raise ValueError("no weights")


number = 7
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "my_net.py").write_text(NET, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "my_net", raising=False)
    return tmp_path


class TestWithout:
    """What anyone sees, whether or not PyTorch is there."""

    def test_a_module_needs_the_shape_of_its_input(self) -> None:
        found = run("import", "package.module:make_net")
        assert found.status == 2
        assert "needs the shape of its input" in found.err

    def test_a_module_that_is_not_there(self) -> None:
        found = run("import", "no_such_package.module:make_net", "--input", "1x3x8x8")
        assert found.status == 2
        assert "error[" in found.err

    def test_where_a_module_is_looked_for_is_said(self) -> None:
        result = run("import", "no_such_package.models:net", "--input", "1x3x8x8")
        assert result.status == 2
        assert "run it where no_such_package can be imported: PYTHONPATH=FOLDER" in result.err

    def test_without_pytorch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "torch", None)
        with pytest.raises(ConvcalcError, match="PyTorch is not installed") as caught:
            convcalc.torch.network(object(), object())
        assert caught.value.status == 2


class TestWith:
    @pytest.fixture
    def torch(self) -> Any:
        return pytest.importorskip("torch")

    @pytest.fixture
    def module(self, torch: Any, folder: Path) -> Any:
        return module_named("my_net:make_net")

    def test_figures_of_a_module(self, torch: Any, module: Any) -> None:
        found = convcalc.torch.network(module, torch.zeros(1, 3, 16, 16))
        totals = convcalc.analyze(found).totals
        assert totals.params == sum(p.numel() for p in module.parameters())
        assert totals.macs == 8 * 8 * 8 * 27 + 4 * 8 * 8 * 8 * 8 * 9 + 40
        assert "2.conv1" in [node.path for node in found.nodes]

    def test_the_module_stays_as_it_was(self, torch: Any, module: Any) -> None:
        module.train()
        convcalc.torch.network(module, torch.zeros(1, 3, 16, 16))
        assert module.training

    def test_import_with_weights(self, torch: Any, module: Any, folder: Path) -> None:
        found = run(
            "import", "my_net:make_net", "--input", "1x3x16x16",
            "-o", "net.yaml", "--save-weights", "w.npz",
        )  # fmt: skip
        assert found.status == 0, found.err
        x = torch.randn(1, 3, 16, 16)
        np.save("x.npy", x.numpy())
        arguments = ["--weights", "w.npz", "--input-file", "x.npy", "--save", "out.npz"]
        assert run("run", "net.yaml", *arguments).status == 0
        with torch.no_grad():
            expected = module.eval()(x).numpy()
        with np.load("out.npz") as saved:
            (result,) = saved.values()
        np.testing.assert_allclose(result, expected, rtol=1e-3, atol=1e-5)

    @pytest.mark.parametrize(
        ("target", "reason"),
        [
            ("my_net:nothing", "AttributeError"),
            ("my_net:wrong", "ValueError: no weights"),
            ("my_net:number", "TypeError"),
            ("my_other_net:make_net", "ModuleNotFoundError"),
        ],
    )
    def test_what_is_no_module(self, torch: Any, folder: Path, target: str, reason: str) -> None:
        found = run("import", target, "--input", "1x3x8x8")
        assert found.status == 2
        assert reason in found.err

    def test_a_module_that_cannot_be_traced(self, torch: Any) -> None:
        class Branching(torch.nn.Module):  # type: ignore[misc]
            def forward(self, x: Any) -> Any:
                return x if x.sum() > 0 else -x

        with pytest.raises(ConvcalcError, match=r"torch\.export cannot trace Branching"):
            convcalc.torch.network(Branching(), torch.zeros(1, 3))
