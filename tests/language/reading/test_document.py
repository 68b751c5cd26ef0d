"""The top level of a file, and what it inherits from the one that it extends."""

from __future__ import annotations

from pathlib import Path

import pytest

from convcalc import ConvcalcError, Network, load, loads, spec
from convcalc.problems import Problem
from convcalc.render.facts import worded
from convcalc.roots import access

BASE = """
name: base
args: {width: 8, depth: 2}
input: [3, 16, 16]
defaults:
  conv: {kernel: 3, padding: 1, bias: false}
  dropout: {rate: 0.2}
blocks:
  unit(c): [{conv: c}]
  head: [global_avgpool, {dense: 10}]
layers:
  - {unit: width, repeat: depth}
  - head
expect: {params: 1}
budget: {params: 1}
"""


def write(folder: Path, **texts: str) -> Path:
    """Writes files; the path of the last one."""
    path = folder
    for name, text in texts.items():
        path = folder / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
    return path


def child(folder: Path, text: str, **load_options: object) -> Network:
    """The network of a file that extends BASE."""
    path = write(folder, base=BASE, child=f"extends: base.yaml\n{text}")
    return load(path, **load_options)  # type: ignore[arg-type]


def paths(network: Network) -> list[str]:
    return [node.path for node in network.operations]


def refusals(path: Path) -> list[Problem]:
    with pytest.raises(ConvcalcError) as caught:
        load(path)
    return list(caught.value.problems)


class TestExtends:
    def test_all_is_inherited_but_what_a_file_is(self, tmp_path: Path) -> None:
        network = child(tmp_path, "")
        assert paths(network) == ["unit0.conv0", "unit1.conv0", "head0.pool0", "head0.dense0"]
        assert network.name == "child"
        assert spec(tmp_path / "child.yaml").expectations == ()

    def test_args_are_merged_one_by_one(self, tmp_path: Path) -> None:
        network = child(tmp_path, "args: {depth: 1}")
        assert paths(network) == ["unit0.conv0", "head0.pool0", "head0.dense0"]
        assert network.operations[0].shape == (8, 16, 16)

    def test_own_args_may_use_inherited_ones(self, tmp_path: Path) -> None:
        text = "args: {wide: 2 * width}\nlayers: [{unit: wide}]\n"
        assert child(tmp_path, text).operations[0].shape == (16, 16, 16)

    def test_inherited_args_see_overridden_ones(self, tmp_path: Path) -> None:
        write(tmp_path, base="args: {a: 1, b: a + 1}\ninput: [1]\nlayers: [{dense: b}]\n")
        path = write(tmp_path, child="extends: base.yaml\nargs: {a: 10}\n")
        assert load(path).operations[0].shape == (11,)

    def test_set_reaches_inherited_args(self, tmp_path: Path) -> None:
        network = child(tmp_path, "", args={"width": "4"})
        assert network.operations[0].shape == (4, 16, 16)

    def test_blocks_are_replaced_by_name(self, tmp_path: Path) -> None:
        text = "blocks:\n  unit(c, k=1): [{conv: c, kernel: k, padding: 0}, relu]\n"
        assert paths(child(tmp_path, text)) == [
            "unit0.conv0",
            "unit0.relu0",
            "unit1.conv0",
            "unit1.relu0",
            "head0.pool0",
            "head0.dense0",
        ]

    def test_defaults_are_merged_argument_by_argument(self, tmp_path: Path) -> None:
        network = child(tmp_path, "defaults: {conv: {kernel: 5, padding: 2}, dense: {bias: false}}")
        conv, dense = network.operations[0].layer, network.operations[-1].layer
        assert (getattr(conv, "kernel", None), getattr(conv, "bias", None)) == ((5, 5), False)
        assert getattr(dense, "bias", None) is False

    def test_other_keys_replace_the_bases(self, tmp_path: Path) -> None:
        network = child(tmp_path, "input: [1, 8, 8]\nlayers: [head]\nname: mine\n")
        assert network.inputs == {"input": (1, 8, 8)}
        assert paths(network) == ["head0.pool0", "head0.dense0"]
        assert network.name == "mine"

    def test_outputs_are_inherited(self, tmp_path: Path) -> None:
        write(tmp_path, base="input: [4]\nlayers: [relu, tanh]\noutputs: [relu0, tanh0]\n")
        path = write(tmp_path, child="extends: base.yaml\n")
        assert set(load(path).outputs) == {"relu0", "tanh0"}

    def test_chains_reach_the_first(self, tmp_path: Path) -> None:
        write(tmp_path, a="args: {n: 1, m: 1}\ninput: [3]\nlayers: [{dense: n + m}]\n")
        write(tmp_path, b="extends: a.yaml\nargs: {n: 10}\n")
        path = write(tmp_path, c="extends: b.yaml\nargs: {m: 100}\n")
        assert load(path).operations[0].shape == (110,)

    def test_paths_are_relative_to_the_file(self, tmp_path: Path) -> None:
        (tmp_path / "inner").mkdir()
        write(tmp_path, base="input: [3]\nlayers: [relu]\n")
        write(tmp_path / "inner", middle="extends: ../base.yaml\n")
        path = write(tmp_path, child="extends: inner/middle.yaml\n")
        assert load(path).inputs == {"input": (3,)}

    def test_a_path_may_be_absolute(self, tmp_path: Path) -> None:
        base = write(tmp_path, base="input: [3]\nlayers: [relu]\n")
        path = write(tmp_path, child=f"extends: {base}\n")
        assert load(path).inputs == {"input": (3,)}

    def test_a_word_is_a_network_that_ships(self, tmp_path: Path) -> None:
        path = write(tmp_path, child="extends: lenet\ninput: [1, 32, 32]\n")
        assert load(path).inputs == {"input": (1, 32, 32)}

    def test_a_file_beside_goes_before_one_that_ships_a_folder_does_not(
        self, tmp_path: Path
    ) -> None:
        path = write(tmp_path, child="extends: lenet\n")
        (tmp_path / "lenet").mkdir()
        assert load(path).inputs == {"input": (1, 28, 28)}
        (tmp_path / "lenet").rmdir()
        (tmp_path / "lenet").write_text("input: [3]\nlayers: [relu]\n", encoding="utf-8")
        assert load(path).inputs == {"input": (3,)}

    def test_files_that_extend_each_other_are_so_long_together(self, tmp_path: Path) -> None:
        base = write(tmp_path, a="input: [4]\nlayers: [relu]\n")
        path = write(tmp_path, b="extends: a.yaml\n")
        length = len(base.read_text("utf-8")) + len(path.read_text("utf-8"))
        with access(max_file_size=length):
            assert load(path).outputs == {"relu0": 1}
        with access(max_file_size=length - 1), pytest.raises(ConvcalcError) as caught:
            load(path)
        (problem,) = caught.value.problems
        assert problem.code == "file-too-large"
        assert problem.span is not None
        assert problem.span.in_line == f"{path}:1"
        assert ("help", "--max-file-size allows more") in worded(problem.facts)

    def test_an_argument_that_only_a_base_uses_is_used(self, tmp_path: Path) -> None:
        write(tmp_path, a="input: [4]\nlayers: [{dense: width}]\n", b="extends: a.yaml\n")
        path = write(tmp_path, c="extends: b.yaml\nargs: {width: 3}\n")
        assert load(path).outputs == {"dense0": 1}
        assert spec(path).args == {"width": 3}

    def test_an_argument_that_nothing_uses_is_refused(self, tmp_path: Path) -> None:
        write(tmp_path, a="args: {width: 3}\ninput: [4]\nlayers: [{dense: width}]\n")
        path = write(tmp_path, b="extends: a.yaml\nargs: {widht: 3}\n")
        with pytest.raises(ConvcalcError) as caught:
            load(path)
        (problem,) = caught.value.problems
        assert problem.code == "unknown-argument"
        assert "did you mean 'width'?" in worded(problem.facts)[0][1]

    def test_a_text_without_a_file_extends_from_the_current_folder(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write(tmp_path, base="input: [3]\nlayers: [relu]\n")
        monkeypatch.chdir(tmp_path)
        assert loads("extends: base.yaml").inputs == {"input": (3,)}

    def test_the_path_is_no_expression(self, tmp_path: Path) -> None:
        write(tmp_path, **{"2 * x": "input: [3]\nlayers: [relu]\n"})
        path = write(tmp_path, child="extends: 2 * x.yaml\n")
        assert load(path).inputs == {"input": (3,)}


class TestExtendsRefused:
    def test_a_loop_of_three(self, tmp_path: Path) -> None:
        path = write(tmp_path, a="extends: b.yaml", b="extends: c.yaml", c="extends: a.yaml")
        (problem,) = refusals(path)
        assert problem.code == "extends-loop"
        assert [Path(part).name for part in problem.message.split(": ", 1)[1].split(" -> ")] == [
            "c.yaml",
            "a.yaml",
            "b.yaml",
            "c.yaml",
        ]

    def test_a_long_chain(self, tmp_path: Path) -> None:
        files = {f"f{i}": f"extends: f{i + 1}.yaml" for i in range(30)}
        write(tmp_path, **files)
        (problem,) = refusals(tmp_path / "f0.yaml")
        assert problem.message == "more than 20 files extend each other"

    def test_a_mistake_in_the_base_is_shown_there_and_here(self, tmp_path: Path) -> None:
        write(tmp_path, base="input: [3]\nlayers: [rel]\n")
        path = write(tmp_path, child="\nextends: base.yaml\n")
        (problem,) = refusals(path)
        assert problem.span is not None
        assert Path(problem.span.source.name).name == "base.yaml"
        assert dict(worded(problem.facts))["note"].endswith("child.yaml:2:10")

    def test_a_value_from_another_file_is_reported_with_it(self, tmp_path: Path) -> None:
        write(
            tmp_path, base="input: [3, 8, 8]\nblocks:\n  b: [{conv: 4, kernel: 1}]\nlayers: [b]\n"
        )
        path = write(tmp_path, child="extends: base.yaml\nlayers: [b, {maxpool: 9}]\n")
        (problem,) = refusals(path)
        assert dict(worded(problem.facts))["input"].endswith("base.yaml:3:8")

    def test_mistakes_of_both_files_are_reported(self, tmp_path: Path) -> None:
        write(tmp_path, base="input: [3]\nlayers: [rel]\nlayer: 3\n")
        path = write(tmp_path, child="extends: base.yaml\nargs: {relu: 3}\n")
        assert {problem.code for problem in refusals(path)} >= {
            "taken-name",
            "unknown-key",
            "unknown-kind",
        }

    def test_an_argument_that_nothing_uses_is_a_misspelt_one(self, tmp_path: Path) -> None:
        write(tmp_path, base=BASE)
        (problem,) = refusals(write(tmp_path, child="extends: base.yaml\nargs: {widht: 4}\n"))
        assert problem.code == "unknown-argument"
        assert worded(problem.facts) == (("help", "did you mean 'width'?"),)


class TestNames:
    @pytest.mark.parametrize(
        "name",
        ["conv", "sequential", "none", "batch", "same", "zeros", "max", "divisible", "repeat"]
        + ["when", "first", "in_channels", "in_size", "and", "if", "true"],
    )
    def test_of_blocks_and_arguments_that_are_taken(self, name: str) -> None:
        for text in (
            f"args: {{{name}: 3}}",
            f"blocks: {{{name}(c): [relu]}}",
            f"blocks: {{unit({name}): [relu]}}",
            f"blocks: {{'unit(c, {name}=3)': [relu]}}",
        ):
            with pytest.raises(ConvcalcError) as caught:
                loads(f"{text}\ninput: [3]\nlayers: [relu]\n")
            assert [problem.code for problem in caught.value.problems] == ["taken-name"]

    @pytest.mark.parametrize(
        "text",
        [
            "{args: {unit: 3}, blocks: {unit: [relu]}}",
            "{args: {c: 3}, blocks: {unit(c): [relu]}}",
            "{blocks: {unit(other): [relu], other: [relu]}}",
        ],
    )
    def test_blocks_and_arguments_do_not_share_one(self, text: str) -> None:
        with pytest.raises(ConvcalcError, match="taken-name"):
            loads(f"{text[:-1]}, input: [3], layers: [relu]}}")

    def test_names_of_arguments_of_kinds_are_free(self) -> None:
        text = "{args: {kernel: 3, channels: 4, name0: 1}, input: [3, 8, 8], layers: ["
        assert loads(text + "{conv: channels, kernel: kernel}]}").operations[0].shape == (4, 6, 6)


class TestSignatures:
    @pytest.mark.parametrize(
        "signature",
        ["unit", "unit()", "unit( )", "'unit(c=3)'", "'unit(c = 3, d = max(c, 2))'", "' unit '"]
        + ["'unit(c=[1, 2], d=c[0])'", "'unit(c=in_channels,d=relu)'"],
    )
    def test_that_are_read(self, signature: str) -> None:
        network = loads(f"blocks:\n  {signature}: [relu]\ninput: [3]\nlayers: [unit]\n")
        assert paths(network) == ["unit0.relu0"]

    @pytest.mark.parametrize(
        "signature",
        ["unit(", "unit)", "unit(a))", "unit a", "u-nit", "2unit", "'unit(a b)'", "'unit(a,)'"]
        + ["'unit(1)'", "'unit(a=)'", "'unit(=3)'", "'unit(a, a)'", "'unit(a=1, b)'", "''"],
    )
    def test_that_are_refused(self, signature: str) -> None:
        with pytest.raises(ConvcalcError) as caught:
            loads(f"blocks:\n  {signature}: [relu]\ninput: [3]\nlayers: [unit]\n")
        codes = {problem.code for problem in caught.value.problems}
        assert codes <= {"bad-signature", "bad-expression", "missing-value", "unknown-kind"}

    def test_a_quoted_signature_is_pointed_into(self) -> None:
        with pytest.raises(ConvcalcError) as caught:
            loads("blocks:\n  'unit(a=1 +)': [relu]\ninput: [3]\nlayers: [relu]\n")
        (problem,) = caught.value.problems
        assert problem.span is not None
        assert (problem.span.line, problem.span.column) == (2, 13)


class TestTopLevel:
    def test_mistakes_are_reported_from_top_to_bottom(self) -> None:
        text = "layer: 1\ninput: 3\nargs: [1]\ndefaults: {conv: 1, cnv: {}}\nblocks: 3\nlayers: 4\n"
        with pytest.raises(ConvcalcError) as caught:
            loads(text)
        spans = [problem.span for problem in caught.value.problems if problem.span]
        assert [(s.line, s.column) for s in spans] == sorted((s.line, s.column) for s in spans)
        assert [s.line for s in spans] == [1, 2, 3, 4, 4, 5, 6]

    @pytest.mark.parametrize("key", ["args", "defaults", "blocks"])
    def test_an_empty_key_is_as_good_as_none(self, key: str) -> None:
        assert loads(f"{key}:\ninput: [3]\nlayers: [relu]\n").inputs == {"input": (3,)}

    def test_a_missing_key_is_reported_at_the_top(self) -> None:
        with pytest.raises(ConvcalcError) as caught:
            loads("name: x\n")
        assert [str(problem) for problem in caught.value.problems] == [
            "-:1:1: error[missing-key]: the spec has no 'input'",
            "-:1:1: error[missing-key]: the spec has no 'layers'",
        ]

    def test_a_misspelt_key_is_not_reported_as_missing_too(self) -> None:
        with pytest.raises(ConvcalcError) as caught:
            loads("inputs: [3]\nmodel: [relu]\n")
        assert [problem.code for problem in caught.value.problems] == ["unknown-key"] * 2

    def test_a_space_is_missing(self) -> None:
        with pytest.raises(ConvcalcError) as caught:
            loads("{input:3: , layers: [relu]}")
        (problem,) = caught.value.problems
        assert worded(problem.facts) == (("help", "a space is missing after the ':'"),)

    def test_a_name_is_a_word(self) -> None:
        for name in ("[a]", "{a: b}", ""):
            with pytest.raises(ConvcalcError, match="'name' takes a name"):
                loads(f"name: {name}\ninput: [3]\nlayers: [relu]\n")

    def test_a_strange_key_does_not_hide_a_missing_one(self) -> None:
        with pytest.raises(ConvcalcError) as caught:
            loads("optimizer: adam\ninput: [3]\n")
        assert {problem.code for problem in caught.value.problems} == {"unknown-key", "missing-key"}
