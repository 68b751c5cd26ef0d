"""Which networks are checked: files, folders, globs, and the entries of convcalc.yaml."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from convcalc.checks.project.config import find_config, read_config
from convcalc.checks.project.targets import Target, find_targets, locked_name
from convcalc.problems import ConvcalcError
from tests.cli.runner import run


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("a.yaml", "b.yml", "c.txt", "sub/d.yaml", "sub/deep/e.yaml", "sub/convcalc.yaml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{input: [4], layers: [relu]}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def named(folder: Path, text: str, *files: str, **args: str) -> list[tuple[str, str]]:
    """The files and variants that a convcalc.yaml and some files stand for."""
    (folder / "convcalc.yaml").write_text(text, encoding="utf-8")
    config = read_config("convcalc.yaml")
    return [(target.file, target.variant) for target in find_targets(files, config, args)]


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ("a.yaml", ["a.yaml"]),
        ("[a.yaml, b.yml]", ["a.yaml", "b.yml"]),
        ("[b.yml, a.yaml, ./b.yml]", ["b.yml", "a.yaml"]),
        ("sub", ["sub/d.yaml"]),
        (".", ["a.yaml", "b.yml"]),
        ("'*.y*ml'", ["a.yaml", "b.yml"]),
        ("sub/**/*.yaml", ["sub/d.yaml", "sub/deep/e.yaml"]),
        ("'[ab].y*'", ["a.yaml", "b.yml"]),
        ("vgg16", ["vgg16"]),
    ],
)
def test_what_a_pattern_stands_for(here: Path, files: str, found: list[str]) -> None:
    assert [file for file, _ in named(here, f"networks: [{{files: {files}}}]")] == found


def test_every_combination_the_last_argument_changing_fastest(here: Path) -> None:
    text = "networks: [{files: a.yaml, set: {w: [1, 2], s: relu, d: [[3, 4], [5]]}}]"
    assert [variant for _, variant in named(here, text)] == [
        "w=1 s=relu d=[3, 4]",
        "w=1 s=relu d=[5]",
        "w=2 s=relu d=[3, 4]",
        "w=2 s=relu d=[5]",
    ]


def test_entries_add_up(here: Path) -> None:
    text = """
networks:
  - {files: '*.yaml', budget: {params: 1M}, growth: {macs: 2%}}
  - {files: [a.yaml, ./a.yaml], budget: {macs: 1M}, warn: {macs: 1k}, dtype: int8}
  - {files: a.yaml, set: {w: 1}, budget: {adds: 1M}}
"""
    (here / "convcalc.yaml").write_text(text, encoding="utf-8")
    targets = find_targets([], read_config("convcalc.yaml"))
    assert [(target.file, target.variant) for target in targets] == [
        ("a.yaml", ""),
        ("a.yaml", "w=1"),
    ]
    rules = targets[0].rules
    assert rules is not None
    assert [limit.metric for limit in rules.budget] == ["params", "macs"]
    assert (len(rules.warn), len(rules.growth), rules.dtype) == (1, 1, "int8")
    (only,) = targets[1].rules.budget if targets[1].rules else ()
    assert only.metric == "adds"


def test_files_given_are_those_of_the_entries_or_stand_alone(here: Path) -> None:
    text = "networks: [{files: sub, set: {w: [1, 2]}, budget: {macs: 1M}}]"
    assert named(here, text, "sub/d.yaml", "a.yaml") == [
        *(("sub/d.yaml", "w=1"), ("sub/d.yaml", "w=2"), ("a.yaml", "")),
    ]
    assert named(here, text, "sub/d.yaml", w="7") == [("sub/d.yaml", "w=7")]
    config = read_config("convcalc.yaml")
    (listed,) = find_targets(["sub/d.yaml"], config, {"w": "2"})
    (other,) = find_targets(["sub/d.yaml"], config, {"w": "7"})
    assert listed.rules is not None
    assert other.rules is None


def test_set_without_files_is_for_every_file_once(here: Path) -> None:
    text = "networks: [{files: '*.yaml', set: {w: [1, 2]}}, {files: sub}]"
    assert named(here, text, w="7") == [("a.yaml", "w=7"), ("sub/d.yaml", "w=7")]


def test_without_a_config_a_file_stands_for_itself(here: Path) -> None:
    targets = [Target("lenet", named=True), Target("-", named=True)]
    assert find_targets(["lenet", "-"], None) == targets


def test_the_nearest_config_is_found_upwards(here: Path) -> None:
    (here / "convcalc.yaml").write_text("", encoding="utf-8")
    assert find_config(str(here / "sub" / "deep")) == str(here / "sub" / "convcalc.yaml")
    assert find_config() == "convcalc.yaml"


def test_a_config_from_another_folder_speaks_of_its_own(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "convcalc.yaml").write_text("networks: [{files: [sub, '*.yml']}]", encoding="utf-8")
    (here / "sub" / "convcalc.yaml").unlink()
    monkeypatch.chdir(here / "sub" / "deep")
    path = find_config()
    assert path == "../../convcalc.yaml"
    assert [target.file for target in find_targets([], read_config(path))] == [
        "../d.yaml",
        "../../b.yml",
    ]


def test_a_name_in_the_lock_is_relative_to_it(here: Path) -> None:
    assert locked_name("sub/d.yaml", "convcalc.lock") == "sub/d.yaml"
    assert locked_name("sub/d.yaml", "sub/convcalc.lock") == "d.yaml"
    assert locked_name("a.yaml", "sub/convcalc.lock") == "../a.yaml"
    assert locked_name(str(here / "a.yaml"), "convcalc.lock") == "a.yaml"
    assert locked_name("vgg16", "sub/convcalc.lock") == "vgg16"


def test_a_missing_file_is_a_target_that_cannot_be_opened(here: Path) -> None:
    """Others are checked all the same; what stands for nothing at all is refused at once."""
    assert find_targets(["missing.yaml"], None) == [Target("missing.yaml", named=True)]
    for nothing in ("*.json", "sub/nothing*"):
        with pytest.raises(ConvcalcError) as caught:
            find_targets([nothing], None)
        assert caught.value.status == 2


def test_a_glob_follows_no_links_in_circles(here: Path) -> None:
    for name in ("round", "again"):
        (here / "sub" / name).symlink_to(here / "sub")
    assert named(here, "networks: [{files: sub/**/*.yaml}]") == [
        ("sub/d.yaml", ""),
        ("sub/deep/e.yaml", ""),
    ]
    assert [target.file for target in find_targets(["**/d*.yaml"], None)] == ["sub/d.yaml"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("**", ["a.yaml", "b.yml", "c.txt", "sub/d.yaml", "sub/deep/e.yaml"]),
        ("sub/**", ["sub/d.yaml", "sub/deep/e.yaml"]),
        ("**/deep/**/*.yaml", ["sub/deep/e.yaml"]),
        ("s*/**/**/e.yaml", ["sub/deep/e.yaml"]),
        ("./**/d.yaml", ["sub/d.yaml"]),
    ],
)
def test_a_glob_of_any_depth(here: Path, pattern: str, found: list[str]) -> None:
    hidden = here / ".hidden"
    hidden.mkdir()
    (hidden / "h.yaml").touch()
    assert [target.file for target in find_targets([pattern], None)] == found


@pytest.mark.skipif(os.sep == "\\", reason="there a backslash separates folders")
@pytest.mark.parametrize("pattern", [r"nets\*.yaml", r"nets/\*.yaml", r"nets\\*.yaml"])
def test_a_glob_with_backslashes_says_why_it_matches_nothing(here: Path, pattern: str) -> None:
    for arguments in (["check", pattern], ["lock", pattern]):
        result = run(*arguments)
        assert result.status == 2
        assert "= help: '/' separates folders here: 'nets/*.yaml'" in result.err
    (here / "convcalc.yaml").write_text(f"networks:\n  - files: {pattern}\n")
    assert "separates folders here: 'nets/*.yaml'" in run("check").err
    assert "here: 'nets/a.yaml'" in run("shapes", r"nets\a.yaml").err


def test_a_folder_is_no_spec_whatever_it_is_called(here: Path) -> None:
    (here / "sub" / "folder.yaml").mkdir()
    assert [target.file for target in find_targets(["sub"], None)] == ["sub/d.yaml"]


EDGE = """\
args: {width: 1.0, size: 64, depths: [2, 2]}
input: [3, size, size]
layers: [{conv: 8*width, kernel: 3, repeat: sum(depths)}]
"""


@pytest.mark.parametrize(
    ("args", "variant"),
    [
        ({"width": "0.50"}, "width=0.5"),
        ({"width": "1/2"}, "width=0.5"),
        ({"width": "1/3"}, "width=1/3"),
        ({"size": "32", "width": "2.0"}, "width=2 size=32"),
        ({"width": "1", "size": "64.0", "depths": "[2,2]"}, ""),
        ({"depths": "[2,3]"}, "depths=[2, 3]"),
        ({"wdth": "2", "size": "32"}, "wdth=2 size=32"),  # refused when it is built
        ({"width": "2 +"}, "width=2 +"),
        ({"width": "1 size=48"}, 'width="1 size=48"'),  # not what {width: 1, size: 48} is called
        ({"width": '"1"\n+'}, r'width="\"1\"\n+"'),
    ],
)
def test_a_variant_has_one_name(here: Path, args: dict[str, str], variant: str) -> None:
    (here / "edge.yaml").write_text(EDGE, encoding="utf-8")
    (target,) = find_targets(["edge.yaml"], None, args)
    assert (target.variant, target.args) == (variant, args)


def test_a_name_makes_the_variant_that_it_names(here: Path) -> None:
    (here / "edge.yaml").write_text(EDGE, encoding="utf-8")
    args = {"depths": "[1 + 1, 3.0]", "width": "0.1 * 3"}
    (target,) = find_targets(["edge.yaml"], None, args)
    again = dict(re.findall(r"(\w+)=(\[.*?\]|\S+)", target.variant))
    assert again == {"width": "0.3", "depths": "[2, 3]"}
    assert find_targets(["edge.yaml"], None, again)[0].variant == target.variant


def test_entries_hold_however_a_variant_is_written(here: Path) -> None:
    (here / "edge.yaml").write_text(EDGE, encoding="utf-8")
    text = """
networks:
  - {files: edge.yaml, set: {size: [32, 64], width: [0.50, 1, 1.0]}, budget: {macs: 1M}}
  - {files: edge.yaml, set: {width: [0.5]}, budget: {params: 1M}}
  - {files: edge.yaml, budget: {adds: 1M}}
"""
    (here / "convcalc.yaml").write_text(text, encoding="utf-8")
    config = read_config("convcalc.yaml")

    def held(targets: list[Target]) -> dict[str, list[str]]:
        return {
            target.variant: [limit.metric for limit in target.rules.budget]
            for target in targets
            if target.rules is not None
        }

    assert held(find_targets([], config)) == {
        "width=0.5 size=32": ["macs"],
        "size=32": ["macs"],
        "width=0.5": ["macs", "params"],
        "": ["macs", "adds"],
    }
    for args, metrics in (
        ({"width": "1/2"}, ["macs", "params", "adds"]),
        ({"width": "1.00", "size": "32"}, ["macs", "adds"]),
        ({"size": "32.0"}, ["macs", "adds"]),
        ({"width": "1"}, ["macs", "adds"]),
        ({"width": "3"}, ["adds"]),
    ):
        assert [*held(find_targets(["edge.yaml"], config, args)).values()] == [metrics]
