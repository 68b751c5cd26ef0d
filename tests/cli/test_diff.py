"""`convcalc diff` as a shell sees it."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sys
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

from convcalc.checks.diff.versions import Settings, compare_files
from convcalc.render.diff import diff_markdown
from tests.checks.diff.repository import Repository, make_repository
from tests.cli.runner import run
from tests.render.diffs import NEW, OLD
from tests.test_project import loaded_after

#: What a program that reads the JSON may rely on.
COST = {"type": "integer"}
LAYER = {
    "type": ["object", "null"],
    "required": ["path", "kind", "fused", "file", "line", "output", "params", "macs", "flops"],
    "additionalProperties": False,
    "properties": {
        "path": {"type": "string"},
        "kind": {"type": "string"},
        "fused": {"type": "array", "items": {"type": "string"}},
        "file": {"type": ["string", "null"]},
        "line": {"type": ["integer", "null"]},
        "output": {"type": "array", "items": {"type": "integer"}},
        "params": COST,
        "macs": COST,
        "flops": COST,
    },
}
CHANGE = {
    "type": "object",
    "required": ["change", "old", "new", "arguments", "params", "macs", "flops", "follows"],
    "additionalProperties": False,
    "properties": {
        "change": {"enum": ["added", "removed", "changed", "moved", "renamed"]},
        "old": LAYER,
        "new": LAYER,
        "arguments": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "before", "after"],
                "additionalProperties": {"type": "string"},
            },
        },
        "params": COST,
        "macs": COST,
        "flops": COST,
        "follows": {
            "type": "array",
            "items": {"required": ["old", "new", "params", "macs", "flops"]},
        },
    },
}
SCHEMA = {
    "type": "object",
    "required": ["schema", "base", "networks"],
    "additionalProperties": False,
    "properties": {
        "schema": {"const": "convcalc.diff/1"},
        "base": {"type": ["object", "null"], "required": ["revision", "commit"]},
        "networks": {
            "type": "array",
            "items": {
                "required": ["status", "old", "new", "changes", "kept", "totals"],
                "properties": {
                    "status": {"enum": ["same", "changed", "renamed", "new", "deleted"]},
                    "changes": {"type": "array", "items": CHANGE},
                    "totals": {
                        "type": "object",
                        "additionalProperties": {
                            "required": ["before", "after", "change"],
                            "additionalProperties": COST,
                        },
                    },
                },
            },
        },
    },
}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in (("old.yaml", OLD), ("new.yaml", NEW)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    made = make_repository(tmp_path / "repository", monkeypatch)
    made.write("models/net.yaml", OLD)
    made.write("other.yaml", "extends: lenet\n")
    made.commit()
    return made


class TestTwoFiles:
    def test_plain_text_in_a_pipe(self, files: Path) -> None:
        result = run("diff", "old.yaml", "new.yaml")
        assert (result.status, result.err) == (0, "")
        lines = result.out.splitlines()
        assert lines[0] == "old.yaml -> new.yaml"
        assert {line[0] for line in lines[3:10]} == {"=", "~", "+", "-", ">", " "}

    def test_shipped_networks(self) -> None:
        result = run("diff", "resnet18", "resnet34")
        assert result.status == 0
        assert "+10,108,160   +86.5%" in result.out
        assert len([line for line in result.out.splitlines() if line.startswith("+")]) == 4

    def test_the_same_network(self) -> None:
        result = run("diff", "lenet", "lenet", "--exit-code")
        expected = "lenet -> lenet: the same network, 7 layers, 61,706 params, 416,520 MACs\n"
        assert (result.status, result.out, result.err) == (0, expected, "")

    def test_standard_input(self, files: Path) -> None:
        result = run("diff", "-", "new.yaml", stdin=OLD.encode())
        assert (
            result.out.splitlines()[1:] == run("diff", "old.yaml", "new.yaml").out.splitlines()[1:]
        )
        assert (
            run(
                "diff",
                "new.yaml",
                "-",
                stdin=NEW.encode(),
            ).out.count("same network")
            == 1
        )

    def test_exit_code(self, files: Path) -> None:
        assert run("diff", "old.yaml", "new.yaml", "--exit-code").status == 1
        assert run("diff", "old.yaml", "old.yaml", "--exit-code").status == 0

    def test_arguments_of_both_and_of_one(self) -> None:
        both = run("diff", "resnet50", "resnet50", "--set", "classes=10")
        assert "the same network" in both.out
        one = run("diff", "resnet50", "resnet50", "--set", "classes=7", "--set-new", "classes=10")
        assert "units 7 -> 10" in one.out
        other = run("diff", "resnet50", "resnet50", "--set-old", "classes=10")
        assert "units 10 -> 1000" in other.out

    def test_input_and_batch(self) -> None:
        result = run(
            "diff", "vgg11", "vgg13", "--input", "3x64x64", "--batch", "2", "--format", "json"
        )
        data = json.loads(result.out)["networks"][0]
        assert data["old"]["inputs"] == data["new"]["inputs"] == {"input": [2, 3, 64, 64]}

    def test_a_row_for_every_layer(self, files: Path) -> None:
        brief = run("diff", "old.yaml", "new.yaml").out
        every = run("diff", "old.yaml", "new.yaml", "--expand").out
        assert len(every.splitlines()) > len(brief.splitlines()) + 5

    def test_json_is_as_documented(self, files: Path) -> None:
        result = run("diff", "old.yaml", "new.yaml", "--format", "json")
        data = json.loads(result.out)
        jsonschema.validate(data, SCHEMA)
        assert data["base"] is None
        kinds = {change["change"] for change in data["networks"][0]["changes"]}
        assert kinds == {"added", "removed", "changed", "moved", "renamed"}

    def test_notes_say_how_either_version_is_read(self, files: Path) -> None:
        (files / "a.yaml").write_text("input: [28, 28, 3]\nlayers: [{conv: 4, kernel: 1}]\n")
        (files / "b.yaml").write_text(
            "input: [28, 28, 3]\nblocks: {trunk: lenet}\nlayers:\n"
            "  - {conv: 1, kernel: 1, name: a}\n  - {trunk: , name: t}\n"
            "  - {conv: 4, kernel: 1, from: t.pool0}\n"
        )
        result = run("diff", "a.yaml", "b.yaml")
        found = re.findall(r"^(\S+) note\[(\S+)\]", result.err, re.MULTILINE)
        assert found == [
            ("b.yaml:1:8:", "input-channels-last"),
            ("b.yaml:5:6:", "unused-layers"),
        ]
        data = json.loads(run("diff", "a.yaml", "b.yaml", "--format", "json").out)
        (one,) = data["networks"]
        codes = [[note["code"] for note in one[version]["notes"]] for version in ("old", "new")]
        assert codes == [["input-channels-last"], ["input-channels-last", "unused-layers"]]

    def test_csv_has_a_line_for_every_layer(self, files: Path) -> None:
        text = run("diff", "old.yaml", "new.yaml", "--format", "csv").out
        lines = list(csv.DictReader(io.StringIO(text)))
        data = json.loads(run("diff", "old.yaml", "new.yaml", "--format", "json").out)
        changes = data["networks"][0]["changes"]
        own = [line for line in lines if line["change"] != "follows"]
        assert [line["change"] for line in own] == [change["change"] for change in changes]
        assert len(lines) - len(own) == sum(len(change["follows"]) for change in changes)
        for key in ("params", "macs", "flops"):
            total = data["networks"][0]["totals"][key]["change"]
            assert sum(int(line[key]) for line in lines) == total
        assert {line["file"] for line in lines} == {"old.yaml", "new.yaml"}
        assert {line["network"] for line in lines} == {"new.yaml"}

    def test_starts_without_what_it_does_not_need(self) -> None:
        code = (
            "import sys; sys.argv = ['convcalc', 'diff', 'vgg16', 'vgg19']\n"
            "from convcalc.cli.main import main\n"
            "try: main()\n"
            "except SystemExit: pass"
        )
        assert loaded_after(code) <= {"dataclasses", "fractions", "typer", "yaml"}

    def test_output_goes_to_a_file(self, files: Path) -> None:
        result = run("diff", "old.yaml", "new.yaml", "--format", "markdown", "--output", "diff.md")
        assert (result.status, result.out, result.err) == (0, "", "")
        text = (files / "diff.md").read_text(encoding="utf-8")
        assert text.startswith("### old.yaml -\\> new.yaml\n")
        assert sorted(os.listdir(files)) == ["diff.md", "new.yaml", "old.yaml"]


class TestTerminal:
    @pytest.fixture(autouse=True)
    def terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("convcalc.cli.output.terminal", lambda: True)
        monkeypatch.setenv("COLUMNS", "100")
        monkeypatch.setenv("NO_COLOR", "1")

    def test_tables_are_drawn_to_its_width(self, files: Path) -> None:
        text = run("diff", "old.yaml", "new.yaml").out
        assert "\u2500" * 20 in text
        assert max(len(line.rstrip()) for line in text.splitlines()) <= 100

    def test_plain_text_if_asked_for(self, files: Path) -> None:
        assert "\u2500" not in run("diff", "old.yaml", "new.yaml", "--format", "plain").out

    def test_lines_between_tables(self, repository: Repository) -> None:
        repository.write("models/net.yaml", NEW)
        repository.write("new.yaml", "extends: lenet\n")
        lines = run("diff", "--base", "HEAD").out.splitlines()
        assert lines[-3:] == [
            "",
            "new.yaml: new, 7 layers, 61,706 params, 416,520 MACs",
            "2 networks: 1 changed, 1 new",
        ]


class TestSinceARevision:
    def test_everything_that_changed(self, repository: Repository) -> None:
        repository.write("models/net.yaml", NEW)
        repository.write("new.yaml", "extends: lenet\n")
        repository.git("mv", "other.yaml", "renamed.yaml")
        result = run("diff", "--base", "HEAD")
        assert (result.status, result.err) == (0, "")
        assert result.out.startswith("HEAD:models/net.yaml -> models/net.yaml\n")
        assert "HEAD:other.yaml -> renamed.yaml (renamed): the same network" in result.out
        assert "new.yaml: new, 7 layers" in result.out
        assert result.out.endswith("3 networks: 1 changed, 1 renamed, 1 new\n")

    def test_nothing_changed(self, repository: Repository) -> None:
        result = run("diff", "--base", "HEAD", "--exit-code")
        assert (result.status, result.out) == (0, "No network changed.\n")

    def test_one_file(self, repository: Repository) -> None:
        repository.write("models/net.yaml", NEW)
        result = run("diff", "--base", "HEAD", "models/net.yaml", "--exit-code")
        assert result.status == 1
        assert result.out.splitlines()[0] == "HEAD:models/net.yaml -> models/net.yaml"
        assert "networks:" not in result.out

    def test_a_renamed_file_is_a_difference(self, repository: Repository) -> None:
        repository.git("mv", "other.yaml", "renamed.yaml")
        assert run("diff", "--base", "HEAD", "--exit-code").status == 1

    def test_json_names_the_commit(self, repository: Repository) -> None:
        (repository.root / "other.yaml").unlink()
        repository.write("models/net.yaml", NEW)
        data = json.loads(run("diff", "--base", "HEAD", "--format", "json").out)
        jsonschema.validate(data, SCHEMA)
        commit = repository.git("rev-parse", "HEAD").strip()
        assert data["base"] == {"revision": "HEAD", "commit": commit}
        assert [one["status"] for one in data["networks"]] == ["changed", "deleted"]

    def test_where_a_branch_forked(self, repository: Repository) -> None:
        repository.git("branch", "trunk")
        repository.write("models/net.yaml", NEW)
        repository.commit()
        assert "net.yaml" in run("diff", "--base", "trunk", "--merge-base").out

    def test_csv_of_files_that_came_and_went(self, repository: Repository) -> None:
        (repository.root / "other.yaml").unlink()
        repository.write("new.yaml", "extends: lenet\n")
        lines = run("diff", "--base", "HEAD", "--format", "csv").out.splitlines()
        assert lines[1:] == [
            "new.yaml,new,,new.yaml,,61706,416520,858868,,",
            "HEAD:other.yaml,deleted,HEAD:other.yaml,,,-61706,-416520,-858868,,",
        ]

    def test_markdown(self, repository: Repository) -> None:
        repository.write("models/net.yaml", NEW)
        text = run("diff", "--base", "HEAD", "--format", "markdown").out
        assert text.startswith("### HEAD:models/net.yaml -\\> models/net.yaml\n\n| total |")


class TestBadInput:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ([], "two networks are compared, and none was given"),
            (["lenet"], "two networks are compared, and one was given"),
            (["lenet", "lenet", "lenet"], "and 3 were given"),
            (["-", "-"], "only one of the two networks can come from standard input"),
            (["lenet", "no-such"], "no network called 'no-such' ships"),
            (["lenet", "no-such.yaml"], "no-such.yaml cannot be opened"),
            (["lenet", "."], ". cannot be opened: a folder"),
            (["lenet", "lenet", "--merge-base"], "--merge-base goes with --base REV"),
            (["lenet", "lenet", "--format", "cvs"], "--format cannot be 'cvs'"),
            (["lenet", "lenet", "--top", "0"], "--top must be at least 1"),
            (["lenet", "lenet", "--batch", "0"], "--batch must be a whole number"),
            (["lenet", "lenet", "--set", "x"], "--set takes NAME=VALUE, not 'x'"),
            (["lenet", "lenet", "--set-old", "x"], "--set-old takes NAME=VALUE, not 'x'"),
            (
                ["lenet", "lenet", "--set-new", "a=1", "--set-new", "a=2"],
                "--set-new a is given twice",
            ),
            (["resnet50", "lenet", "--set", "classes=3"], "lenet: --set classes: the file has no"),
            (["lenet", "lenet", "--input", "3"], "has 3 sizes, not 1"),
            (["--base", "-x"], "'-x' is not the name of a revision"),
            (["--base", ""], "'' is not the name of a revision"),
        ],
    )
    def test_wrong_usage(
        self, arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        result = run("diff", *arguments, "--output", "out.txt")
        assert (result.status, result.out) == (2, "")
        assert words in result.err
        assert "Traceback" not in result.err
        assert os.listdir(tmp_path) == []

    def test_both_networks_are_wrong(self, files: Path) -> None:
        (files / "old.yaml").write_text(OLD.replace("dense", "sense"), encoding="utf-8")
        (files / "new.yaml").write_text(NEW.replace("input: [3", "input: [0"), encoding="utf-8")
        result = run("diff", "old.yaml", "new.yaml", "--output", "out.txt")
        assert (result.status, result.out) == (1, "")
        assert "old.yaml:24:6: error[unknown-kind]" in result.err
        assert "new.yaml:2:9: error[bad-input]" in result.err
        assert result.err.endswith("2 errors\n")
        assert sorted(os.listdir(files)) == ["new.yaml", "old.yaml"]

    def test_one_is_wrong_and_one_cannot_be_opened(self, files: Path) -> None:
        (files / "old.yaml").write_text("layers: [", encoding="utf-8")
        result = run("diff", "old.yaml", "gone.yaml")
        assert result.status == 2
        assert "old.yaml:2:1: error[yaml-syntax]" in result.err
        assert "gone.yaml cannot be opened" in result.err

    def test_broken_at_the_revision(self, repository: Repository) -> None:
        repository.write("models/net.yaml", OLD.replace("dense", "sense"))
        repository.commit()
        repository.write("models/net.yaml", NEW)
        result = run("diff", "--base", "HEAD", "--output", "out.txt")
        assert (result.status, result.out) == (1, "")
        assert result.err.startswith("HEAD:models/net.yaml:24:6: error[unknown-kind]: ")
        assert "24 |   - {sense: 10}" in result.err
        assert not (repository.root / "out.txt").exists()

    def test_a_broken_one_stops_no_other(self, repository: Repository) -> None:
        for name in ("broken_then", "broken_now", "good"):
            broken = name == "broken_then"
            repository.write(f"{name}.yaml", OLD.replace("dense", "sense") if broken else OLD)
        repository.commit()
        for name in ("broken_then", "broken_now", "good"):
            broken = name == "broken_now"
            repository.write(f"{name}.yaml", NEW.replace("dense", "sense") if broken else NEW)
        result = run("diff", "--base", "HEAD")
        assert result.status == 1
        assert result.out.splitlines()[0] == "HEAD:good.yaml -> good.yaml"
        assert "HEAD:broken_then.yaml:24:6: error[unknown-kind]" in result.err
        assert "broken_now.yaml:23:6: error[unknown-kind]" in result.err
        assert "HEAD:broken_now" not in result.err + result.out
        (repository.root / "broken_now.yaml").write_bytes(b"\xff")
        assert run("diff", "--base", "HEAD", "--exit-code").status == 2

    def test_outside_a_repository(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
        result = run("diff", "--base", "HEAD")
        assert (result.status, result.out) == (2, "")
        assert "lies in no git repository" in result.err

    @pytest.mark.skipif(sys.platform != "linux", reason="names of files are text elsewhere")
    def test_a_name_that_is_no_text(self, repository: Repository) -> None:
        name = os.fsdecode(b"caf\xe9.yaml")
        repository.write(name, OLD)
        repository.commit()
        repository.write(name, NEW)
        for style in ("plain", "json", "markdown"):
            result = run("diff", "--base", "HEAD", "--format", style)
            assert (result.status, result.err) == (0, "")
            assert "caf" in result.out

    def test_names_are_data(self, repository: Repository) -> None:
        name = "a\x1b[31m|`b`.yaml"
        repository.write(name, OLD)
        repository.commit()
        repository.write(name, NEW)
        plain, text = [
            run("diff", "--base", "HEAD", name, "--format", style).out
            for style in ("plain", "markdown")
        ]
        assert "\x1b" not in plain + text
        assert "\\|\\`b\\`" in text


class TestDrawings:
    def test_markdown_with_a_drawing(self) -> None:
        text = run("diff", "resnet18", "resnet34", "--format", "markdown", "--draw").out
        assert text.startswith("### resnet18")
        drawing = text.partition("```mermaid\n")[2].partition("```")[0]
        assert drawing.startswith("flowchart TB\n")
        assert "added, 3 layers" in drawing
        assert "same network" in run("diff", "lenet", "lenet", "--format", "markdown", "--draw").out

    def test_it_is_short_enough_for_a_comment(self) -> None:
        found = compare_files("resnet18", "resnet34", Settings({}, {}))
        text = diff_markdown([found] * 60, every=False, top=None, drawn=True)
        assert len(text) <= 64_000
        assert text.count("```mermaid") >= 5
        assert text.count("```") == 2 * text.count("```mermaid")

    def test_only_markdown_is_drawn(self) -> None:
        result = run("diff", "resnet18", "resnet34", "--draw")
        assert result.status == 2
        assert "--draw is for Markdown" in result.err

    def test_pages(self, tmp_path: Path) -> None:
        folder = tmp_path / "pages"
        assert run("diff", "resnet18", "resnet34", "--pages", str(folder)).status == 0
        (page,) = folder.iterdir()
        assert page.name == "resnet34.html"
        assert "resnet18 \u2192 resnet34" in page.read_text(encoding="utf-8")
        file = tmp_path / "file"
        file.write_text("")
        result = run("diff", "resnet18", "resnet34", "--pages", str(file))
        assert result.status == 2
        assert "cannot be made" in result.err
