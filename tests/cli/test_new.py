"""`convcalc new` and `convcalc show`."""

from __future__ import annotations

from pathlib import Path

import pytest

import convcalc
from convcalc.language.shipped import shipped_names, shipped_path
from tests.cli.runner import run, spec


class TestNew:
    def test_a_starter_is_a_network(self, tmp_path: Path) -> None:
        path = tmp_path / "net.yaml"
        found = run("new", str(path))
        assert found.status == 0
        assert f"convcalc shapes {path}" in found.err
        assert run("check", str(path)).status == 0
        assert run("shapes", str(path), "--set", "classes=100").status == 0
        assert max(len(line) for line in path.read_text().splitlines()) <= 100

    def test_it_extends_a_shipped_network(self, tmp_path: Path) -> None:
        path = tmp_path / "net.yaml"
        assert run("new", str(path), "--like", "lenet").status == 0
        ours, theirs = convcalc.load(path), convcalc.load("lenet")
        assert [node.layer for node in ours.nodes] == [node.layer for node in theirs.nodes]

    def test_it_extends_a_file_by_its_path_from_there(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "deep" / "er").mkdir(parents=True)
        spec(tmp_path, "{input: [4], layers: [{dense: 3}]}", "base.yaml")
        monkeypatch.chdir(tmp_path)
        assert run("new", "deep/er/net.yaml", "--like", "base.yaml").status == 0
        assert "extends: ../../base.yaml" in Path("deep/er/net.yaml").read_text()
        assert run("check", "deep/er/net.yaml").status == 0

    def test_it_copies_a_text(self, tmp_path: Path) -> None:
        path = tmp_path / "net.yaml"
        assert run("new", str(path), "--from", "vgg16").status == 0
        assert path.read_text() == Path(str(shipped_path("vgg16"))).read_text()

    def test_an_existing_file_is_kept(self, tmp_path: Path) -> None:
        path = spec(tmp_path, "mine")
        found = run("new", path)
        assert found.status == 2
        assert "is there already, and is kept" in found.err
        assert Path(path).read_text() == "mine"

    @pytest.mark.parametrize(
        "arguments",
        [
            ["net.yaml", "--like", "lenet", "--from", "lenet"],
            ["net.yaml", "--like", "no-such-network"],
            ["net.yaml", "--from", "missing.yaml"],
            ["net.onnx"],
            ["missing/net.yaml"],
        ],
    )
    def test_what_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
    ) -> None:
        monkeypatch.chdir(tmp_path)
        found = run("new", *arguments)
        assert found.status == 2
        assert "error[" in found.err
        assert not list(tmp_path.iterdir())


class TestShow:
    @pytest.mark.parametrize("name", ["lenet", "resnet50", "vit_b_16"])
    def test_the_text_of_a_shipped_network(self, name: str) -> None:
        assert name in shipped_names()
        assert run("show", name).out == Path(str(shipped_path(name))).read_text()

    def test_a_file(self, tmp_path: Path) -> None:
        assert run("show", spec(tmp_path, "{input: [4]}")).out == "{input: [4]}"

    def test_what_is_not_there(self) -> None:
        found = run("show", "lenett")
        assert found.status == 2
        assert "did you mean 'lenet'?" in found.err
