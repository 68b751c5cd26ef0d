"""The formats of `check` for other programs, and what it does in a step of GitHub Actions."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from convcalc.render.check_markdown import MARKER
from tests.ci.networks import BROKEN, GOOD, HEAVY, write_project
from tests.cli.runner import run


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a project in a folder of its own, where the commands run."""
    (tmp_path / ".git").mkdir()
    folder = tmp_path / "sub"
    write_project(folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment of a step of GitHub Actions; the file of its summary."""
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    return summary


def network(text: str) -> None:
    Path("models/net.yaml").write_text(text, encoding="utf-8")


class TestReports:
    @pytest.mark.parametrize(("text", "status"), [(GOOD, 0), (HEAVY, 1), (BROKEN, 1)])
    @pytest.mark.parametrize("style", ["junit", "sarif", "markdown", "github"])
    def test_exit_status_is_that_of_the_check(self, text: str, status: int, style: str) -> None:
        network(text)
        assert run("check", "--format", style).status == status
        assert run("check", "--format", style, "--exit-zero").status == 0

    def test_junit(self) -> None:
        network(HEAVY)
        root = ET.fromstring(run("check", "--format", "junit").out.encode())  # noqa: S314
        assert (root.get("tests"), root.get("failures")) == ("2", "1")

    def test_sarif_names_files_from_the_root_of_the_repository(self) -> None:
        network(BROKEN)
        assert run("check", "--format", "sarif", "--output", "out.sarif").out == ""
        (result,) = json.loads(Path("out.sarif").read_text("utf-8"))["runs"][0]["results"]
        location = result["locations"][0]["physicalLocation"]
        assert location["artifactLocation"]["uri"] == "sub/models/net.yaml"

    def test_markdown_shows_what_changed_since_the_lock(self) -> None:
        assert run("lock").status == 0
        network(HEAVY)
        text = run("check", "--format", "markdown").out
        assert text.startswith(MARKER)
        assert "| `models/net.yaml` | **failed** | 448 (+100.00%) | 110,592 (+100.00%) |" in text

    def test_unknown_format_is_refused_with_the_nearest(self) -> None:
        result = run("check", "--format", "sariff")
        assert (result.status, result.out) == (2, "")
        assert "did you mean 'sarif'?" in result.err


class TestShapesUpToAMistake:
    """They follow the message where one network is checked, in text, and nowhere else."""

    SHAPES = "shapes up to the mistake:"

    @pytest.fixture(autouse=True)
    def broken(self, project: Path) -> None:
        network(BROKEN.replace("layers:\n", "layers:\n  - relu\n"))

    def test_of_one_network(self) -> None:
        result = run("check", "models/net.yaml")
        assert (result.status, result.out) == (1, "")
        assert result.err.endswith("models/net.yaml: FAILED\n1 checked, 1 failed\n")
        assert result.err.index("error[") < result.err.index(self.SHAPES)

    def test_not_of_several(self) -> None:
        result = run("check", "models/net.yaml", "lenet")
        assert result.status == 1
        assert self.SHAPES not in result.err

    @pytest.mark.parametrize("style", ["concise", "json", "github", "junit", "sarif", "markdown"])
    def test_not_in_formats_for_programs(self, style: str) -> None:
        result = run("check", "models/net.yaml", "--format", style)
        assert self.SHAPES not in result.out + result.err


class TestNotes:
    """A note on the network is a warning in every format, and fails nothing."""

    @pytest.fixture(autouse=True)
    def noted(self, project: Path) -> None:
        network(GOOD.replace("[3, 16, 16]", "[16, 16, 3]"))

    def test_text(self) -> None:
        result = run("check")
        assert result.status == 0
        assert "models/net.yaml:1:8: warning[input-channels-last]: input: " in result.err
        assert result.out == "models/net.yaml: ok, 1 warning\n1 checked, all ok, 1 warning\n"

    def test_json(self) -> None:
        (found,) = json.loads(run("check", "--format", "json").out)["files"]
        assert (found["ok"], found["problems"]) == (True, [])
        assert [warning["code"] for warning in found["warnings"]] == ["input-channels-last"]

    def test_concise(self) -> None:
        (line,) = run("check", "--format", "concise").out.splitlines()
        assert line.startswith("models/net.yaml:1:8: input-channels-last: ")

    def test_github(self, step: Path) -> None:
        lines = run("check").out.splitlines()
        assert lines[-1].startswith("::warning file=sub/models/net.yaml,line=1,col=8,")
        assert "1 network checked, all ok" in step.read_text("utf-8")

    def test_sarif(self) -> None:
        (result,) = json.loads(run("check", "--format", "sarif").out)["runs"][0]["results"]
        assert (result["ruleId"], result["level"]) == ("input-channels-last", "warning")

    def test_junit(self) -> None:
        root = ET.fromstring(run("check", "--format", "junit").out.encode())  # noqa: S314
        assert (root.get("failures"), root.get("errors")) == ("0", "0")
        (text,) = [element.text for element in root.iter("system-out")]
        assert text is not None
        assert "warning[input-channels-last]" in text

    def test_markdown(self) -> None:
        text = run("check", "--format", "markdown").out
        assert "warning[input-channels-last]" in text
        assert "| `models/net.yaml` | warning |" in text


class TestActions:
    def test_annotations_stand_beside_the_normal_log(self, step: Path) -> None:
        network(HEAVY)
        plain = run("check", "--format", "text")
        result = run("check")
        assert result.status == 1
        assert result.out.startswith(plain.out)
        annotation = result.out.removeprefix(plain.out)
        assert annotation.startswith("::error file=sub/models/net.yaml,line=3,col=")
        assert annotation.count("\n") == 1
        assert result.err == plain.err
        assert step.read_text("utf-8").startswith(f"{MARKER}\n### convcalc: 1 of 1 network failed")

    def test_the_same_is_printed_elsewhere_if_asked_for(self) -> None:
        network(HEAVY)
        assert "\n::error file=sub/models/net.yaml," in run("check", "--format", "github").out
        assert "::error" not in run("check").out

    def test_another_format_stays_what_it_is(self, step: Path) -> None:
        network(BROKEN)
        assert "::error" not in run("check", "--format", "concise").out
        assert not step.exists()

    def test_a_file_takes_the_log_and_the_step_the_annotations(self, step: Path) -> None:
        network(HEAVY)
        result = run("check", "--output", "log.txt")
        assert result.out.startswith("::error ")
        assert "1 failed" in Path("log.txt").read_text("utf-8")
        assert step.exists()

    def test_the_summary_is_added_to_what_is_there(self, step: Path) -> None:
        step.write_text("before\n", encoding="utf-8")
        assert run("check").status == 0
        assert step.read_text("utf-8").startswith(f"before\n{MARKER}\n")

    def test_a_summary_that_cannot_be_written_is_no_failure(
        self, step: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(step.parent))
        result = run("check")
        assert result.status == 0
        assert "the step's summary cannot be written" in result.err

    @pytest.mark.usefixtures("step")
    def test_a_bad_convcalc_yaml_is_annotated_too(self) -> None:
        Path("convcalc.yaml").write_text(
            "networks: [{files: models/*.yaml, budgets: {}}]\n", "utf-8"
        )
        result = run("check")
        assert result.status == 2
        (line,) = [line for line in result.out.splitlines() if line.startswith("::")]
        assert line.startswith("::error file=sub/convcalc.yaml,line=1,col=")

    @pytest.mark.usefixtures("step")
    def test_wrong_usage_is_annotated_without_a_place(self) -> None:
        result = run("check", "--fail-on", "mac>1M")
        assert result.status == 2
        assert result.out.startswith("::error title=convcalc check%3A ")

    @pytest.mark.usefixtures("step")
    def test_outside_a_repository_paths_are_as_they_were_given(self, project: Path) -> None:
        (project.parent / ".git").rmdir()
        network(BROKEN)
        assert "::error file=models/net.yaml,line=3," in run("check").out


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_names_are_no_workflow_commands_in_the_log_either(step: Path) -> None:
    Path("convcalc.yaml").unlink()
    for name in ("::stop-commands::x.yaml", "##[add-mask]a.yaml"):
        Path(name).write_text("{input: [4], layers: [rel]} # ##[error]x\n", encoding="utf-8")
    Path("heavy.yaml").write_text(HEAVY, encoding="utf-8")
    result = run("check", ".")
    assert result.status == 1
    annotations = [line for line in result.out.splitlines() if line.lstrip().startswith("::")]
    assert {line.split(" ")[0] for line in annotations} == {"::error"}
    log = result.err + result.out.replace("\n".join(annotations), "")
    assert "##[" not in log
    assert not [line for line in result.err.splitlines() if line.lstrip().startswith("::")]


def test_a_limit_on_the_number_of_layers_blames_the_network(step: Path) -> None:
    """No layer is to blame, and the option or convcalc.yaml would not tell which network it is."""
    Path("convcalc.yaml").write_text("networks: [{files: models/net.yaml, budget: {depth: 0}}]")
    network(GOOD)
    result = run("check", "--format", "concise", "--fail-on", "layers>0")
    places = [line.partition(": ")[0] for line in result.out.splitlines()]
    assert places == ["models/net.yaml:1:1"] * 2


def test_a_mistake_of_all_variants_is_annotated_once(step: Path) -> None:
    text = "networks: [{files: models/net.yaml, set: {w: [1, 2, 3]}}]"
    Path("convcalc.yaml").write_text(text)
    network("args: {w: 1}\ninput: [3, 8, 8]\nlayers: [{conv: 8, kernel: 30}]\n")
    result = run("check")
    assert result.status == 1
    lines = result.out.splitlines()
    assert [line.partition(" ")[0] for line in lines].count("::error") == 1


@pytest.mark.parametrize("style", ["github", "sarif"])
def test_a_variant_is_named_once_with_a_problem(step: Path, style: str) -> None:
    config = "networks: [{files: models/net.yaml, set: {w: 2}, budget: {macs: 0}}]"
    Path("convcalc.yaml").write_text(config)
    network("args: {w: 1}\ninput: [3, 8, 8]\nlayers: [{conv: 8*w, kernel: 3}]\n")
    result = run("check", "--format", style)
    assert result.status == 1
    if style == "github":
        (told,) = [line for line in result.out.splitlines() if line.startswith("::")]
        assert "title=models/net.yaml (w=2)%3A over-budget::macs 15,552 is over 0 by" in told
    else:
        told = json.loads(result.out)["runs"][0]["results"][0]["message"]["text"]
        assert told.startswith("models/net.yaml (w=2): macs 15,552 is over 0 by 15,552\n")
    assert told.count("w=2") == 1


def test_of_a_limit_of_nothing_there_are_no_percents(step: Path) -> None:
    config = "networks: [{files: models/net.yaml, budget: {macs: 0}, growth: {macs: 2%}}]"
    Path("convcalc.yaml").write_text(config)
    network("input: [3, 8, 8]\nlayers: [relu]\n")
    assert run("lock").status == 0
    network("input: [3, 8, 8]\nlayers: [relu, {dense: 4}]\nexpect: {params: 0}\n")
    expectation, budget, growth = json.loads(run("check", "--format", "json").out)["files"][0][
        "problems"
    ]
    assert expectation["facts"][-1] == {"label": "note", "text": "off by +772"}
    assert budget["message"] == "macs 768 is over 0 by 768"
    assert growth["message"] == "macs 768 is over the lock's 0, more than +2%"
    rows = run("check", "--format", "text").out.splitlines()[2:4]
    assert [row.split()[:4] for row in rows] == [
        ["macs", "768", "0", "768"],
        ["macs", "768", "0", "+2%"],
    ]
    assert rows[1].endswith("768 (from nothing)  convcalc.yaml:1")  # what grew did so from nothing
    page = run("check", "--format", "markdown").out
    assert "| `budget macs` | 768 | `0` | 768 | `convcalc.yaml:1` |" in page
    assert "| `growth macs` | 768 | 0 (0 `+2%`) | 768 | `convcalc.yaml:1` |" in page


def test_a_variant_is_never_mistaken_for_another(step: Path) -> None:
    """One with a value that is refused is not called as one with two values that are good."""
    network("args: {a: 0, b: 0}\ninput: [3, 8, 8]\nlayers: [{conv: 8+a+b, kernel: 3}]\n")
    entries = (
        '[{files: models/net.yaml, set: {a: 1, b: 2}}, {files: models/net.yaml, set: {a: "1 b=2"}}]'
    )
    Path("convcalc.yaml").write_text(f"networks: {entries}\n")
    result = run("check", "--format", "text")
    assert result.status == 2
    assert "models/net.yaml (a=1 b=2): ok\n" in result.out
    assert 'models/net.yaml (a="1 b=2"): FAILED\n' in result.out
    assert result.out.endswith("2 checked, 1 failed\n")
