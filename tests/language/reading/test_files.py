"""The files that a spec leads to: those that it extends, and the networks that are its blocks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from convcalc import ConvcalcError, Network, load, loads, spec
from convcalc.facts import worded
from convcalc.language.reading import files
from convcalc.problems import Problem
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


class TestNetworks:
    """Networks that are blocks: how their files are found, and how many."""

    def test_a_path_is_relative_to_the_file_that_has_the_block(self, tmp_path: Path) -> None:
        (tmp_path / "sub").mkdir()
        write(tmp_path / "sub", part="input: [3]\nlayers: [relu]\n")
        write(tmp_path / "sub", base="input: [3]\nblocks: {part: part.yaml}\nlayers: [tanh]\n")
        path = write(tmp_path, child="extends: sub/base.yaml\nlayers: [part, {part: }]\n")
        assert paths(load(path)) == ["part0.relu0", "part1.relu0"]
        path = write(tmp_path, user="input: [3]\nblocks: {b: sub/base.yaml}\nlayers: [b]\n")
        assert paths(load(path)) == ["b0.tanh0"]

    def test_a_file_beside_goes_before_one_that_ships(self, tmp_path: Path) -> None:
        path = write(tmp_path, net="input: [1, 28, 28]\nblocks: {b: lenet}\nlayers: [b]\n")
        assert paths(load(path))[0] == "b0.conv0"
        (tmp_path / "lenet").write_text("input: [3]\nlayers: [relu]\n", encoding="utf-8")
        assert paths(load(path)) == ["b0.relu0"]

    def test_a_file_may_extend_another_and_have_it_as_a_block(self, tmp_path: Path) -> None:
        write(tmp_path, base="input: [3]\nlayers: [relu]\n")
        text = "extends: base.yaml\nblocks: {base: base.yaml}\nlayers: [base, tanh]\n"
        assert paths(load(write(tmp_path, net=text))) == ["base0.relu0", "tanh0"]

    def test_an_overridden_block_is_not_read(self, tmp_path: Path) -> None:
        write(tmp_path, base="input: [3]\nblocks: {b: no.yaml}\nlayers: [relu]\n")
        path = write(tmp_path, net="extends: base.yaml\nblocks: {b: [tanh]}\nlayers: [b]\n")
        assert paths(load(path)) == ["b0.tanh0"]

    def test_all_files_are_known_with_the_place_that_names_each(self, tmp_path: Path) -> None:
        write(tmp_path, a="input: [3]\nlayers: [relu]\n", b="extends: a.yaml\n")
        write(tmp_path, c="input: [3]\nblocks: {b: b.yaml, a: a.yaml}\nlayers: [b, a]\n")
        path = write(tmp_path, d="\nextends: c.yaml\n")
        named = {Path(source.name).name: str(span) for source, span in spec(path).bases.items()}
        assert {name: Path(place).name for name, place in named.items()} == {
            "c.yaml": "d.yaml:2:10",
            "b.yaml": "c.yaml:2:13",
            "a.yaml": "b.yaml:1:10",
        }

    @pytest.mark.parametrize("again", ["a.yaml", "./x/../a.yaml"])
    def test_a_network_that_contains_itself(self, tmp_path: Path, again: str) -> None:
        write(tmp_path, a="input: [3]\nblocks: {b: b.yaml}\nlayers: [b]\n")
        write(tmp_path, b="extends: c.yaml\n")
        write(tmp_path, c=f"input: [3]\nblocks: {{a: {again}}}\nlayers: [a]\n")
        (problem,) = refusals(tmp_path / "a.yaml")
        assert problem.code == "block-recursion"
        assert [Path(part).name for part in problem.message.split(": ", 1)[1].split(" -> ")] == [
            "a.yaml",
            "b.yaml",
            "a.yaml",
        ]

    def test_a_network_that_contains_itself_only_by_a_block_that_is_overridden(
        self, tmp_path: Path
    ) -> None:
        write(tmp_path, a="input: [3]\nblocks: {b: b.yaml}\nlayers: [b, relu]\n")
        path = write(tmp_path, b="extends: a.yaml\nblocks: {b: [tanh]}\n")
        assert paths(load(path)) == ["b0.tanh0", "relu0"]
        assert paths(load(tmp_path / "a.yaml")) == ["b0.b0.tanh0", "b0.relu0", "relu0"]

    def test_a_long_chain(self, tmp_path: Path) -> None:
        texts = {
            f"f{i}": f"input: [3]\nblocks: {{b: f{i + 1}.yaml}}\nlayers: [b]\n" for i in range(30)
        }
        write(tmp_path, **texts)
        (problem,) = refusals(tmp_path / "f0.yaml")
        assert problem.message == "more than 20 files are blocks of each other"

    def test_many_files(self, tmp_path: Path) -> None:
        most = files.MOST_FILES - 1
        write(tmp_path, **{f"f{i}": f"input: [3]\nlayers: [relu]\n#{i}" for i in range(most + 1)})

        def user(number: int) -> Path:
            blocks = ", ".join(f"f{i}: f{i}.yaml, g{i}: f{i}.yaml" for i in range(number))
            return write(tmp_path, net=f"input: [3]\nblocks: {{{blocks}}}\nlayers: [f0, g0]\n")

        assert paths(load(user(most))) == ["f00.relu0", "g00.relu0"]
        (problem,) = refusals(user(most + 1))
        assert problem.message == f"the file leads to more than {most} others"

    def test_they_are_so_long_together(self, tmp_path: Path) -> None:
        write(tmp_path, a="input: [4]\nlayers: [relu]\n", b="extends: a.yaml\n")
        path = write(tmp_path, c="input: [4]\nblocks: {b: b.yaml}\nlayers: [b]\n")
        length = sum(len(file.read_text("utf-8")) for file in tmp_path.glob("*.yaml"))
        with access(max_file_size=length):
            assert paths(load(path)) == ["b0.relu0"]
        with access(max_file_size=length - 1):
            (problem,) = refusals(path)
        assert problem.code == "file-too-large"

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        path = write(tmp_path, net="input: [3]\nblocks: {b: no.yaml}\nlayers: [b]\n")
        with pytest.raises(ConvcalcError) as caught:
            load(path)
        assert [problem.code for problem in caught.value.problems] == ["block-not-found"]
        assert caught.value.status == 2

    def test_a_mistake_inside_is_shown_there_and_here(self, tmp_path: Path) -> None:
        write(tmp_path, part="input: [3]\nlayers: [relu\n")
        (problem,) = refusals(
            write(tmp_path, net="input: [3]\nblocks:\n  b: part.yaml\nlayers: [b]\n")
        )
        assert problem.span is not None
        assert Path(problem.span.source.name).name == "part.yaml"
        assert any(text.endswith("net.yaml:3:6") for _, text in worded(problem.facts))


class TestReplacedLayers:
    """Layers that replace those of the extended file."""

    BASE = (
        "input: [3, 8, 8]\nargs: {width: 4, classes: 10}\ndefaults: {batchnorm: {eps: 0.01}}\n"
        "blocks:\n  unit(c): [{conv: c, kernel: 3}]\n"
        "layers: [{unit: width}, [relu, {maxpool: 2}], flatten, {dense: classes}]\n"
    )

    def notes(self, folder: Path, text: str) -> list[Problem]:
        (folder / "base.yaml").write_text(self.BASE, encoding="utf-8")
        return list(load(write(folder, net=f"extends: base.yaml\n{text}")).notes)

    @pytest.mark.parametrize(
        "text",
        [
            "layers: [{dense: 10}]\n",
            "args: {classes: 5, c: 3}\nlayers: [{dense: classes}, {dense: c}]\n",
            "blocks:\n  unit(c): [{dense: c}]\nlayers: [{unit: 5}]\n",
            "input: [4]\nlayers: [{dense: 3}]\nname: width\n",
        ],
    )
    def test_that_use_nothing_of_it_are_noted(self, tmp_path: Path, text: str) -> None:
        (note,) = self.notes(tmp_path, text)
        assert note.code == "layers-replaced"
        assert note.span is not None
        assert note.message == "these layers replace those of 'base.yaml', and use nothing of it"

    @pytest.mark.parametrize(
        "text",
        [
            "layers: [{unit: 5}]\n",
            "layers: [{dense: 2 * width}]\n",
            "args: {units: 3 * width}\nlayers: [{dense: units}]\n",
            "input: [width]\nlayers: [{dense: 3}]\n",
            "layers: [{conv: 3, kernel: 3, norm: batch}]\n",
            "layers: [{add: [[], [batchnorm]]}]\n",
            "blocks: {other: [{unit: 3}]}\nlayers: [relu]\n",
            "blocks: {trunk: base.yaml}\nlayers: [trunk]\n",
            "blocks: {trunk: ./base.yaml}\nlayers: [trunk]\n",
            "args: {width: 5}\n",
            "",
        ],
    )
    def test_that_use_something_of_it_are_not(self, tmp_path: Path, text: str) -> None:
        assert self.notes(tmp_path, text) == []

    def test_a_file_without_layers_has_none_to_replace(self, tmp_path: Path) -> None:
        write(tmp_path, base="input: [3]\nargs: {n: 3}\n")
        assert load(write(tmp_path, net="extends: base.yaml\nlayers: [relu]\n")).notes == ()

    @pytest.mark.parametrize(
        "text", ["layers: [{dense: 10}]\n", "blocks: {b: [relu]}\nlayers: [b]\n"]
    )
    @pytest.mark.parametrize("base", ["base.yaml", "resnet18", "lenet", "wide.yaml"])
    def test_the_lines_of_the_help_keep_its_layers(
        self, tmp_path: Path, base: str, text: str
    ) -> None:
        (tmp_path / "base.yaml").write_text(self.BASE, encoding="utf-8")
        write(tmp_path, wide="extends: base.yaml\nargs: {width: 8}\n")
        (note,) = load(write(tmp_path, net=f"extends: {base}\n{text}")).notes
        add, begin = [help_text for label, help_text in worded(note.facts) if label == "help"]
        (block, *keys), lines = re.findall("'(.*?)'", add), re.findall("'- (.*?)'", begin)
        text = text.replace("blocks: {", f"blocks: {{{block}, ") if keys else f"{block}\n{text}"
        text = text.replace("layers: [", f"layers: [{', '.join(lines)}, ")
        kept = load(write(tmp_path, net=f"extends: {base}\n{text}"))
        whole = load(tmp_path / base if base.endswith(".yaml") else base)
        trunk = [n for n in kept.nodes if n.path.startswith("trunk.")]
        before = [node.path for node in whole.operations]
        assert [f"trunk.{path}" for path in before[: len(trunk)]] == [n.path for n in trunk]
        assert len(before) - 5 <= len(trunk) < len(before)
        assert len(trunk[-1].shape) == 3
        assert {found.code for found in kept.notes} == {"unused-layers"}

    def test_what_cannot_be_a_block_is_not_advised(self, tmp_path: Path) -> None:
        write(tmp_path, base="input: {a: [3], b: [3]}\nlayers: [{add: [a, b]}]\n")
        path = write(tmp_path, net="extends: base.yaml\ninput: [3]\nlayers: [relu]\n")
        (note,) = load(path).notes
        assert note.facts == ()

    def test_a_name_that_is_taken_is_not_advised(self, tmp_path: Path) -> None:
        (note,) = self.notes(tmp_path, "args: {trunk: 3}\nlayers: [{dense: trunk}]\n")
        assert "'blocks: {backbone: base.yaml}'" in worded(note.facts)[0][1]
