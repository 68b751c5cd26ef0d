"""Specs from files, from standard input, from texts, and by the names of those that ship."""

from __future__ import annotations

import io
import os
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from convcalc import ConvcalcError, access, load, loads, read, spec
from convcalc.facts import worded
from convcalc.language.load import find_source
from convcalc.language.shipped import is_word, shipped_names, shipped_path
from tests.cli.runner import run

GOOD = "input: [3, 8, 8]\nargs: {n: 2, act: relu, sizes: [1, 2]}\nlayers: [{dense: n}, act]\n"


def refusal(path: str | Path) -> ConvcalcError:
    with pytest.raises(ConvcalcError) as caught:
        load(path)
    return caught.value


def message(path: str | Path) -> str:
    error = refusal(path)
    assert error.status == 2
    (problem,) = error.problems
    assert problem.span is None
    return problem.text


def stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


class TestFiles:
    def test_a_missing_one_is_answered_with_those_beside_it(self, tmp_path: Path) -> None:
        (tmp_path / "kws.yaml").touch()
        (tmp_path / "unet.yaml").touch()
        for name, help_text in {
            "kws.yml": "did you mean 'kws.yaml'?",
            "kvs.yaml": "did you mean 'kws.yaml'?",
            "streets.yaml": "",
            "none/kws.yaml": "",
        }.items():
            (problem,) = refusal(tmp_path / name).problems
            assert dict(worded(problem.facts)).get("help", "") == help_text

    def test_by_text_or_path(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.yaml"
        path.write_text(GOOD, encoding="utf-8")
        for given in (path, str(path)):
            assert load(given).name == "mine"
            assert spec(given).source.name == str(path)

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
    def test_in_utf_8(self, tmp_path: Path, encoding: str) -> None:
        path = tmp_path / "mine.yaml"
        path.write_text("name: réseau\n" + GOOD, encoding=encoding)
        assert load(path).name == "réseau"

    def test_that_are_not_there(self, tmp_path: Path) -> None:
        path = tmp_path / "none.yaml"
        assert message(path) == f"{path} cannot be opened: no such file or directory"

    def test_that_are_folders(self, tmp_path: Path) -> None:
        assert message(tmp_path) == f"{tmp_path} cannot be opened: a folder"

    def test_that_are_pipes(self, tmp_path: Path) -> None:
        path = tmp_path / "pipe.yaml"
        os.mkfifo(path)
        assert message(path) == f"{path} cannot be opened: a pipe that nobody writes to"

    def test_that_may_not_be_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "mine.yaml"
        path.write_text(GOOD, encoding="utf-8")

        def denied(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("os.open", denied)
        assert message(path) == f"{path} cannot be opened: permission denied"

    def test_with_names_no_system_has(self) -> None:
        assert "embedded null" in message("a\0b.yaml")

    def test_that_are_no_text(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.yaml"
        path.write_bytes(b"a: 1\nb: \xff\n")
        assert message(path) == f"{path} cannot be decoded: not UTF-8 text: byte 0xff at line 2"

    def test_that_are_too_long(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.yaml"
        path.write_text(GOOD, encoding="utf-8")
        with access(max_file_size=10):
            assert message(path) == f"{path} cannot be opened: longer than 10 bytes"

    def test_names_are_shown_without_control_characters(self) -> None:
        assert message("a\x1b[31m.yaml").startswith("a\\x1b[31m.yaml cannot be opened")


class TestStandardInput:
    def test_is_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        stdin(monkeypatch, GOOD.encode())
        read = spec("-")
        assert read.source.name == "-"
        assert read.network().operations[0].shape == (2,)

    def test_that_is_no_text(self, monkeypatch: pytest.MonkeyPatch) -> None:
        stdin(monkeypatch, b"\xff")
        assert message("-") == "- cannot be decoded: not UTF-8 text: byte 0xff at line 1"

    def test_that_is_closed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", None)
        assert message("-") == "- cannot be read: standard input is closed"


class TestShipped:
    def test_every_name_is_found(self) -> None:
        names = shipped_names()
        assert {"lenet", "alexnet", "vgg16"} <= set(names)
        assert all(shipped_path(name) for name in names)
        assert names == sorted(names)

    def test_is_found_in_an_empty_folder(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert spec("lenet").source.name == "convcalc/configs/lenet.yaml"

    def test_a_file_of_that_name_goes_first_a_folder_does_not(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("lenet").mkdir()
        assert load("lenet").inputs == {"input": (1, 28, 28)}
        Path("lenet").rmdir()
        Path("lenet").write_text(GOOD, encoding="utf-8")
        assert load("lenet").inputs == {"input": (3, 8, 8)}

    def test_an_unknown_name_is_reported_with_the_nearest(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (problem,) = refusal("lennet").problems
        assert problem.code == "unknown-network"
        assert "did you mean 'lenet'" in dict(worded(problem.facts))["help"]

    def test_a_name_without_its_suffix_is_answered_with_the_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("unett.yml").write_text(GOOD, encoding="utf-8")
        (problem,) = refusal("unett").problems
        assert dict(worded(problem.facts))["help"] == "a path has a suffix: unett.yml is there"

    def test_a_module_of_pytorch_is_imported_first(self) -> None:
        for name in ("package.models:make_net", "models:Net"):
            result = run("shapes", name)
            assert result.status == 2
            assert f"convcalc import {name} --input 1x3x224x224" in result.err

    def test_a_missing_model_is_answered_with_models_beside_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("model.onnx").touch()
        Path("modal.txt").touch()
        result = run("shapes", "mobel.onnx")
        assert result.status == 2
        assert "= help: did you mean 'model.onnx'?" in result.err
        assert "help" not in run("shapes", "mobel.tflite").err

    def test_a_folder_that_ships_no_network(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("models").mkdir()
        assert message("models") == "models cannot be opened: a folder"

    @pytest.mark.parametrize(
        ("path", "word"),
        [("lenet", True), ("lenet.yaml", False), ("./lenet", False), ("a/b", False), ("", True)],
    )
    def test_what_may_be_a_name(self, path: str, word: bool) -> None:
        assert is_word(path) is word

    @pytest.mark.parametrize("name", ["../configs/lenet", "/etc/passwd", "..", "no such network"])
    def test_no_name_leads_elsewhere(self, name: str) -> None:
        assert shipped_path(name) is None

    def test_sources_are_texts(self) -> None:
        assert "layers:" in find_source("lenet").text


class TestArguments:
    @pytest.mark.parametrize(
        ("given", "units"), [("5", 5), (5, 5), ("2 * 3", 6), ("3.0", 3), ("1e1", 10)]
    )
    def test_override_the_files(self, given: object, units: int) -> None:
        network = loads(GOOD, args={"n": given})
        assert network.operations[0].shape == (units,)
        assert spec("-", text=GOOD).changes({"n": given}) == {"n": units}

    @pytest.mark.parametrize(
        ("name", "own"), [("n", "2.0"), ("n", "4 / 2"), ("act", "relu"), ("sizes", "[1, 2]")]
    )
    def test_the_files_own_value_alters_nothing(self, name: str, own: str) -> None:
        read = spec("-", text=GOOD)
        assert read.changes({name: own}) == {}
        assert read.variant({name: own}) == ""
        assert read.changes({name: own, "n": "7"}) == {"n": 7}
        assert read.variant({name: own, "n": "7"}) == "n=7"

    def test_a_mistake_in_the_files_own_value_is_none_where_another_is_given(self) -> None:
        wrong = GOOD.replace("n: 2", "n: 1 / 0")
        assert spec("-", text=wrong).changes({"n": "2"}) == {"n": 2}
        assert loads(wrong, args={"n": "2"}).operations[0].shape == (2,)

    def test_may_be_words_lists_fractions_and_booleans(self) -> None:
        assert loads(GOOD, args={"act": "tanh"}).operations[1].kind == "tanh"
        text = "args: {a: 1}\ninput: [4]\nlayers: [{relu: , when: '%s'}, tanh]\n"
        for given, condition in [
            (True, "a"),
            (False, "not a"),
            ("true", "a"),
            ([3, 5], "a[1] == 5"),
            ((3, [5]), "a[1][0] == 5"),
            ("[3, 5]", "sum(a) == 8"),
            (Fraction(1, 3), "a * 3 == 1"),
        ]:
            assert len(loads(text % condition, args={"a": given}).operations) == 2

    def test_are_evaluated_in_their_order(self) -> None:
        text = "{args: {a: 2, b: 2 * a}, input: [4], layers: [{dense: b}]}"
        assert loads(text, args={"a": 5}).operations[0].shape == (10,)
        assert loads(text, args={"b": "a + 1"}).operations[0].shape == (3,)
        with pytest.raises(ConvcalcError, match="'b' is neither"):
            loads(text, args={"a": "b"})

    @pytest.mark.parametrize(
        ("args", "expected"),
        [
            ({"m": 3}, "args m: the file has no such argument"),
            ({"n": "4 +"}, "args n=4 +: the expression ends too early"),
            ({"n": ""}, "args n=: a value is missing"),
            ({"n": "010"}, "args n=010: '010' has a leading zero"),
            ({"act": "rleu"}, "args act=rleu: 'rleu' is neither an argument in scope"),
            ({"n": "{a: 1}"}, "args n={a: 1}: a number, a word or a list is needed here"),
            ({"n": "[1"}, "the '[' is never closed"),
            ({"n": "1\n--- 2"}, "a second document begins here"),
        ],
    )
    def test_that_are_wrong_are_wrong_usage(self, args: dict[str, object], expected: str) -> None:
        with pytest.raises(ConvcalcError) as caught:
            loads(GOOD, args=args)
        assert caught.value.status == 2
        assert expected in str(caught.value)

    def test_a_good_argument_may_make_a_bad_network(self) -> None:
        with pytest.raises(ConvcalcError) as caught:
            loads(GOOD, args={"n": 0})
        assert caught.value.status == 1


class TestInput:
    def test_overrides_the_files(self) -> None:
        network = loads(GOOD, input=(1, 5, 5))
        assert network.inputs == {"input": (1, 5, 5)}

    def test_overrides_one_of_several(self) -> None:
        text = "{input: {a: [1, 4], b: [2, 4]}, layers: [{concat: [a, b]}]}"
        assert loads(text, input={"b": [5, 4]}).inputs == {"a": (1, 4), "b": (5, 4)}
        for given in ([5, 4], {"c": [5, 4]}):
            with pytest.raises(ConvcalcError, match=r"\]: input") as caught:
                loads(text, input=given)
            assert caught.value.status == 2

    def test_keeps_the_number_of_axes(self) -> None:
        with pytest.raises(ConvcalcError, match="has 3 sizes, not 2"):
            loads(GOOD, input=(1, 5))

    @pytest.mark.parametrize("shape", [[], [0, 4, 4], [3, 4, 4, 4], [2**31, 1, 1], [3, 4, -1]])
    def test_that_is_no_shape(self, shape: list[int]) -> None:
        with pytest.raises(ConvcalcError, match=r"\]: input") as caught:
            loads(GOOD, input=shape)
        assert caught.value.status == 2


class TestName:
    def test_is_the_files_own_first(self) -> None:
        assert loads("name: 2 * x\n" + GOOD, name="folder/mine.yaml").name == "2 * x"
        assert loads(GOOD, name="folder/mine.v2.yaml").name == "mine.v2"
        assert loads(GOOD, name="").name == "network"


class TestReadingWithMistakes:
    """An editor gets the network up to the mistake, beside the mistakes."""

    TEXT = (
        "input: [3, 8, 8]\nlayers:\n  - {conv: 4, kernel: 3}\n  - relu\n  - {conv: 8,\n"
        "     kernel: 3}\n  - {dense: 10}\n"
    )

    @pytest.mark.parametrize(
        ("old", "new", "paths", "code"),
        [
            ("- {dense: 10}", "- {dense: 10", ["conv0", "relu0", "conv1"], "yaml-syntax"),
            ("- {dense: 10}", "- {dense: &a 10}", ["conv0", "relu0", "conv1"], "yaml-anchor"),
            ("kernel: 3}\n  - {d", "kernel: [3}\n  - {d", ["conv0", "relu0"], "yaml-syntax"),
            ("- relu", "- 'relu", ["conv0"], "yaml-syntax"),
            ("- relu", "- rleu", ["conv0"], "unknown-kind"),
            ("layers:", "layers", [], "yaml-syntax"),
        ],
    )
    def test_up_to_the_mistake(self, old: str, new: str, paths: list[str], code: str) -> None:
        assert self.TEXT.count(old) == 1
        network, problems = read("net.yaml", text=self.TEXT.replace(old, new))
        assert network is not None
        assert [node.path for node in network.operations] == paths
        assert [problem.code for problem in problems] == [code]
        with pytest.raises(ConvcalcError) as caught:
            loads(self.TEXT.replace(old, new), name="net.yaml")
        assert caught.value.problems == problems or str(caught.value) == "\n".join(
            str(problem) for problem in problems
        )

    def test_a_file_without_mistakes(self) -> None:
        network, problems = read("net.yaml", text=self.TEXT)
        assert problems == ()
        assert network is not None
        assert network.operations[-1].shape == (10,)

    def test_a_file_that_is_wrong_from_its_first_line_on(self) -> None:
        network, problems = read("net.yaml", text="[")
        assert network is None
        assert [problem.code for problem in problems] == ["yaml-syntax"]

    def test_a_file_that_cannot_be_opened(self, tmp_path: Path) -> None:
        with pytest.raises(ConvcalcError) as caught:
            read(tmp_path / "none.yaml")
        assert caught.value.status == 2
