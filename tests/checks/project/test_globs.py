"""Folders and globs: what is gone through is limited, for all patterns of a run together."""

from __future__ import annotations

from pathlib import Path

import pytest

from convcalc.checks.project import globs, targets
from convcalc.checks.project.config import read_config
from convcalc.checks.project.globs import Walk
from convcalc.checks.project.targets import find_targets
from convcalc.language.building.evaluation import MOST_LAYERS
from convcalc.problems import ConvcalcError


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three folders inside each other, each with two specs: eight entries in all."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path
    for name in ("a", "b", ""):
        for spec in ("x.yaml", "y.yaml"):
            (folder / spec).write_text("{input: [4], layers: [relu]}", encoding="utf-8")
        folder = folder / name
        folder.mkdir(exist_ok=True)
    return tmp_path


def codes(error: ConvcalcError) -> list[str]:
    return [problem.code for problem in error.problems]


def test_a_walk_of_as_much_as_is_allowed(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # `**/*.yaml` looks into each folder twice, for its folders and for its files.
    monkeypatch.setattr(globs, "MOST_VISITED", 16)
    assert len(find_targets(["**/*.yaml"], None)) == 6
    monkeypatch.setattr(globs, "MOST_VISITED", 15)
    with pytest.raises(ConvcalcError) as caught:
        find_targets(["**/*.yaml"], None)
    assert codes(caught.value) == ["too-many-files"]
    assert caught.value.status == 2


def test_patterns_and_folders_count_together(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folders / "convcalc.yaml").write_text(
        "networks: [{files: a}, {files: ['a/*.yaml', 'a/b/*.yaml']}]", encoding="utf-8"
    )
    config = read_config("convcalc.yaml")
    monkeypatch.setattr(globs, "MOST_VISITED", 8)
    assert len(find_targets([], config)) == 4
    monkeypatch.setattr(globs, "MOST_VISITED", 7)
    with pytest.raises(ConvcalcError) as caught:
        find_targets([], config)
    (problem,) = caught.value.problems
    assert problem.code == "too-many-files"
    assert problem.span is not None
    assert problem.span.in_line == "convcalc.yaml:1"


def test_links_in_circles_end(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`*` follows links, each as deep as the pattern: what it goes through is counted."""
    monkeypatch.setattr(globs, "MOST_VISITED", 5000)
    for name in ("one", "two", "three"):
        (folders / name).symlink_to(folders)
    with pytest.raises(ConvcalcError) as caught:
        Walk().paths_like("*/" * 40 + "x.yaml")
    assert codes(caught.value) == ["too-many-files"]
    assert "three/x.yaml" in Walk().paths_like("*/x.yaml")


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.yaml", ["x.yaml", "y.yaml"]),
        ("./*.yaml", ["x.yaml", "y.yaml"]),
        ("a/../?.yaml", ["x.yaml", "y.yaml"]),
        ("[!x].yaml", ["y.yaml"]),
        ("*/x.yaml", ["a/x.yaml"]),
        ("*/*/*", ["a/b/x.yaml", "a/b/y.yaml"]),
        ("**/b/x.yaml", ["a/b/x.yaml"]),
        ("a/**/x.yaml", ["a/b/x.yaml", "a/x.yaml"]),
        ("nothing/*.yaml", []),
        ("*/nothing", []),
        (".h*/*.yaml", [".hidden/x.yaml"]),
    ],
)
def test_what_a_glob_matches(folders: Path, pattern: str, found: list[str]) -> None:
    (folders / ".hidden").mkdir()
    (folders / ".hidden" / "x.yaml").touch()
    assert sorted(Walk().paths_like(pattern)) == found
    whole = [str(folders / path) for path in found]
    assert sorted(Walk().paths_like(f"{folders}/{pattern}")) == whole


def test_convcalc_yaml_lists_so_many_networks(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folders / "convcalc.yaml").write_text(
        "networks:\n- files: '**/x.yaml'\n- files: [a]\n  set: {n: [1, 2]}\n", encoding="utf-8"
    )
    config = read_config("convcalc.yaml")
    monkeypatch.setattr(targets, "MOST_NETWORKS", 7)
    assert len(find_targets([], config)) == 7
    monkeypatch.setattr(targets, "MOST_NETWORKS", 6)
    with pytest.raises(ConvcalcError) as caught:
        find_targets([], config)
    (problem,) = caught.value.problems
    assert (problem.code, caught.value.status) == ("too-many-networks", 2)
    assert problem.span is not None
    assert problem.span.in_line == "convcalc.yaml:3"


def test_more_layers_allow_more_variants(folders: Path) -> None:
    (folders / "convcalc.yaml").write_text(
        "networks:\n- files: a/x.yaml\n  set: {n: 1..100, m: 1..100}\n", encoding="utf-8"
    )
    config = read_config("convcalc.yaml")
    assert len(find_targets([], config)) == targets.MOST_NETWORKS
    (folders / "convcalc.yaml").write_text(
        "networks:\n- files: a/x.yaml\n  set: {n: 1..101, m: 1..100}\n", encoding="utf-8"
    )
    config = read_config("convcalc.yaml")
    with pytest.raises(ConvcalcError) as caught:
        find_targets([], config)
    (problem,) = caught.value.problems
    assert (problem.code, problem.message) == (
        "too-many-variants",
        "'set' asks for 10,100 combinations",
    )
    assert len(find_targets([], config, max_layers=2 * MOST_LAYERS)) == 10_100


def test_all_variants_set_so_many_values(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folders / "convcalc.yaml").write_text(
        "networks:\n- files: [a]\n  set: {n: [1, 2, 3], m: 4}\n", encoding="utf-8"
    )
    config = read_config("convcalc.yaml")
    variants = len(find_targets([], config))
    monkeypatch.setattr(targets, "MOST_VALUES", 2 * variants)
    assert len(find_targets([], config)) == variants
    monkeypatch.setattr(targets, "MOST_VALUES", 2 * variants - 1)
    with pytest.raises(ConvcalcError) as caught:
        find_targets([], config)
    assert [problem.code for problem in caught.value.problems] == ["too-many-networks"]


def test_a_long_entry_is_refused_before_its_variants_are_listed(folders: Path) -> None:
    names = ", ".join(f"a{number}: 1" for number in range(3_000))
    values = ", ".join(map(str, range(900)))
    (folders / "convcalc.yaml").write_text(
        f"networks:\n- files: [a]\n  set: {{n: [{values}], {names}}}\n", encoding="utf-8"
    )
    with pytest.raises(ConvcalcError) as caught:
        find_targets([], read_config("convcalc.yaml"))
    assert [problem.code for problem in caught.value.problems] == ["too-many-networks"]


def test_of_missing_files_so_many_are_looked_for(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []

    def like_names_beside(path: str) -> str:
        looked.append(path)
        return ""

    monkeypatch.setattr("convcalc.language.load.like_names_beside", like_names_beside)
    entries = "".join(f"- files: missing{number}.yaml\n" for number in range(500))
    (folders / "convcalc.yaml").write_text(f"networks:\n{entries}", encoding="utf-8")
    with pytest.raises(ConvcalcError) as caught:
        find_targets([], read_config("convcalc.yaml"))
    assert codes(caught.value) == ["no-match"] * 100
    assert len(looked) == 100
