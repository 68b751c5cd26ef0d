"""The GitHub Action: every step of action.yml, run with the environment that a runner sets."""

from __future__ import annotations

import json
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from convcalc.render.check_markdown import MARKER
from tests.ci.networks import BROKEN, GOOD, HEAVY, write_project
from tests.ci.offline import REPOSITORY, copy_package, offline_environment
from tests.ci.runner import Done, run_action

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or not shutil.which("bash"), reason="the steps need bash"
)

PULL_REQUEST = {"github.event.pull_request": "{}", "github.event.pull_request.number": "7"}
INSTALL, CHECK, COMMENT = "Install convcalc", "Check the networks", "Comment on the pull request"
CHANGES = "Show what changed"


class Job:
    """A job on a runner: a checked out repository, temporary files, and a stand-in for gh."""

    def __init__(self, action: Path, folder: Path, temporary: Path) -> None:
        self.action = action
        self.workspace = folder / "workspace"
        self.summary = folder / "summary.md"
        self.temporary = temporary
        self._state = folder / "gh.json"
        write_project(self.workspace)
        (self.workspace / ".git").mkdir()
        self.comments()
        # Only what the steps need, so that a gh of this machine is never found.
        programs = folder / "bin"
        programs.mkdir()
        for name in ("bash", "git", "head", "rm"):
            (programs / name).symlink_to(shutil.which(name) or name)
        gh = self._gh = programs / "gh"
        fake = REPOSITORY / "tests" / "ci" / "fake_gh.py"
        gh.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{fake}" "$@"\n', encoding="utf-8")
        gh.chmod(gh.stat().st_mode | stat.S_IXUSR)
        environment = offline_environment()
        self._environment = {
            **environment,
            "CI": "true",
            "FAKE_GH_STATE": str(self._state),
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": "someone/networks",
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_WORKSPACE": str(self.workspace),
            "PATH": str(programs),
            "RUNNER_TEMP": str(temporary),
        }

    def comments(self, *comments: tuple[str, str], forbidden: bool = False) -> None:
        """Gives the pull request comments: who wrote each, and what."""
        listed = [
            {"id": 500 + number, "user": {"login": login}, "body": body}
            for number, (login, body) in enumerate(comments)
        ]
        state = {"login": "actions[bot]", "comments": listed, "forbidden": forbidden, "calls": []}
        self._state.write_text(json.dumps(state), encoding="utf-8")

    def network(self, text: str) -> None:
        """Changes the one network."""
        (self.workspace / "models" / "net.yaml").write_text(text, encoding="utf-8")

    def remove_gh(self) -> None:
        """Takes gh away, as on a runner of one's own."""
        self._gh.unlink()

    def commit(self) -> str:
        """Commits the workspace; returns the commit's name."""
        git = ["git", "-C", str(self.workspace), "-c", "user.name=a", "-c", "user.email=a@b.c"]
        for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "A change"]):
            subprocess.run([*git, *words], check=True)
        found = subprocess.run(
            [*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True
        )
        return found.stdout.strip()

    def run(self, pull_request: bool = True, base: str = "", **inputs: str) -> Done:
        """Runs the action; `base` is the commit that a pull request starts from."""
        context = {"github.token": "secret", **(PULL_REQUEST if pull_request else {})}
        context["github.event.pull_request.base.sha"] = base
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        given.setdefault("python", sys.executable)
        # It takes ten seconds and comes to the same each time.
        without = [INSTALL] if (self.temporary / "convcalc-venv").exists() else []
        done = run_action(self.action, context, given, self._environment, without)
        assert done.statuses.pop(INSTALL, 0) == 0, done.log
        assert done.statuses.pop(CHANGES, 0) == 0, done.log
        return done

    @property
    def github(self) -> dict[str, Any]:
        """The pull request's comments, and every call of gh."""
        state = json.loads(self._state.read_text(encoding="utf-8"))
        assert isinstance(state, dict)
        return state


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The action as it is checked out beside a workflow, and a runner's temporary folder."""
    folder = tmp_path_factory.mktemp("runner")
    copy_package(folder / "action")
    (folder / "temporary").mkdir()
    return folder / "action", folder / "temporary"


@pytest.fixture
def job(places: tuple[Path, Path], tmp_path: Path) -> Iterator[Job]:
    """A job; what takes long, the installation, is done once and kept."""
    action, temporary = places
    yield Job(action, tmp_path, temporary)
    for path in temporary.iterdir():
        if path.is_file():
            path.unlink()


def bodies(job: Job) -> list[str]:
    return [comment["body"] for comment in job.github["comments"]]


def test_a_good_network_passes_and_gets_one_comment(job: Job) -> None:
    done = job.run()
    assert done.statuses == {CHECK: 0, COMMENT: 0}, done.log
    assert done.outputs["status"] == "0"
    assert "::error" not in done.log
    (body,) = bodies(job)
    assert body.startswith(f"{MARKER}\n### convcalc: 1 network checked, all ok\n")
    assert "| `models/net.yaml` | ok | 224 | 55,296 |" in body
    assert job.summary.read_text(encoding="utf-8") == body
    assert Path(done.outputs["comment-file"]).read_text(encoding="utf-8") == body
    assert {call[-1] for call in job.github["calls"]} == {"secret"}


def test_a_broken_network_fails_the_step_is_annotated_and_commented(job: Job) -> None:
    job.network(BROKEN)
    done = job.run()
    assert done.statuses == {CHECK: 1, COMMENT: 0}
    assert done.outputs["status"] == "1"
    (annotation,) = [line for line in done.log.splitlines() if line.startswith("::error")]
    assert annotation.startswith("::error file=models/net.yaml,line=3,col=")
    assert "window-too-large" in annotation
    # The normal log is beside it.
    assert "models/net.yaml:3:" in done.log.replace(annotation, "")
    assert "1 of 1 network failed" in bodies(job)[0]


def test_a_network_over_its_budget_is_annotated_at_its_line(job: Job) -> None:
    job.network(HEAVY)
    done = job.run()
    assert done.statuses[CHECK] == 1
    (annotation,) = [line for line in done.log.splitlines() if line.startswith("::error")]
    assert annotation.startswith("::error file=models/net.yaml,line=3,col=")
    assert "110,592" in annotation
    told = "| `budget macs` | 110,592 | `60k` | 50,592 (+84.32%) | `convcalc.yaml:3` | **failed** |"
    assert told in bodies(job)[0]


def test_the_next_run_changes_the_same_comment(job: Job) -> None:
    job.comments(
        ("someone", "looks good"),
        ("someone", f"{MARKER}\nnot the action's"),
        ("actions[bot]", f"an older bot quotes {MARKER}"),
        ("actions[bot]", f"{MARKER}\r\nof the last run"),
    )
    job.run()
    first = bodies(job)
    assert first[:3] == [
        "looks good",
        f"{MARKER}\nnot the action's",
        f"an older bot quotes {MARKER}",
    ]
    assert "all ok" in first[3]
    job.network(BROKEN)
    job.run()
    assert len(bodies(job)) == 4
    assert "1 of 1 network failed" in bodies(job)[3]


def test_a_fork_that_may_not_comment_is_only_a_warning(job: Job) -> None:
    job.comments(forbidden=True)
    done = job.run()
    assert done.statuses == {CHECK: 0, COMMENT: 0}
    assert "::warning title=convcalc::the comment could not be written" in done.log
    job.network(BROKEN)
    assert job.run().statuses[CHECK] == 1


def test_a_runner_without_gh_is_only_a_warning(job: Job) -> None:
    job.remove_gh()
    done = job.run()
    assert done.statuses == {CHECK: 0, COMMENT: 0}
    assert "there is no gh on this runner" in done.log


def test_without_a_pull_request_or_a_wish_there_is_no_comment(job: Job) -> None:
    assert COMMENT not in job.run(pull_request=False).statuses
    assert COMMENT not in job.run(comment="false").statuses
    assert job.github["calls"] == []


def test_a_broken_convcalc_yaml_is_annotated_and_leaves_no_old_comment(job: Job) -> None:
    job.run()
    (job.workspace / "convcalc.yaml").write_text("networks: 3\n", encoding="utf-8")
    done = job.run()
    assert done.statuses == {CHECK: 2, COMMENT: 0}
    assert "::error file=convcalc.yaml,line=1," in done.log
    assert "nothing was checked" in done.log


def test_arguments_come_one_a_line_and_are_never_a_command(job: Job) -> None:
    odd = "models/a b; touch $(echo owned) `touch owned` 'x'.yaml"
    (job.workspace / odd).write_text(GOOD, encoding="utf-8")
    done = job.run(arguments=f"{odd}\r\n\nmodels/net.yaml")
    assert done.statuses[CHECK] == 0, done.log
    assert not list(job.workspace.rglob("owned"))
    (body,) = bodies(job)
    assert "2 networks checked, all ok" in body


def test_a_format_or_an_output_of_ones_own_is_refused(job: Job) -> None:
    """They would replace the annotations, or leave the comment unwritten, without a word."""
    job.run()
    for option, arguments in (
        ("--format", "--format\nconcise"),
        ("--format", "--format=json"),
        ("--output", "models/net.yaml\n--output\nreport.txt"),
    ):
        done = job.run(arguments=arguments, sarif="report.sarif")
        assert done.statuses == {CHECK: 2, COMMENT: 0}
        assert done.outputs["status"] == "2"
        message = f"'{option}' cannot be among the action's arguments"
        assert f"::error title=convcalc::{message}" in done.log
        assert "nothing was checked" in done.log
        assert not (job.workspace / "report.txt").exists()
        assert not (job.workspace / "report.sarif").exists()


def test_a_file_that_is_called_like_an_option_is_checked(job: Job) -> None:
    (job.workspace / "--output").write_text(GOOD, encoding="utf-8")
    done = job.run(arguments="models/net.yaml\n--\n--output")
    assert done.statuses[CHECK] == 0, done.log
    assert "2 networks checked, all ok" in bodies(job)[0]


def test_sarif_is_written_with_paths_from_the_root_of_the_repository(job: Job) -> None:
    (job.workspace / "sub").mkdir()
    write_project(job.workspace / "sub" / "project")
    (job.workspace / "sub/project/models/net.yaml").write_text(BROKEN, encoding="utf-8")
    done = job.run(working_directory="sub/project", sarif="report.sarif")
    assert "::error file=sub/project/models/net.yaml,line=3,col=" in done.log
    report = json.loads((job.workspace / "sub/project/report.sarif").read_text(encoding="utf-8"))
    (result,) = report["runs"][0]["results"]
    location = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location["uri"] == "sub/project/models/net.yaml"


def test_a_sarif_report_that_cannot_be_written_is_a_warning(job: Job) -> None:
    done = job.run(sarif="missing/report.sarif")
    assert done.statuses == {CHECK: 0, COMMENT: 0}
    assert "::warning title=convcalc::the SARIF report could not be written" in done.log
    assert "SARIF" not in job.run(pull_request=False, sarif="report.sarif").log
    assert (job.workspace / "report.sarif").exists()
    # Nor is an old one taken for that of a check that was refused.
    (job.workspace / "convcalc.yaml").write_text("networks: 3\n", encoding="utf-8")
    assert "SARIF" not in job.run(pull_request=False, sarif="report.sarif").log
    assert not (job.workspace / "report.sarif").exists()


class TestDeclaration:
    """What action.yml and its script say of each other."""

    data: dict[str, Any] = yaml.safe_load((REPOSITORY / "action.yml").read_text(encoding="utf-8"))
    script = (REPOSITORY / "action" / "steps.sh").read_text(encoding="utf-8")

    def test_every_variable_of_ours_is_set_and_read(self) -> None:
        steps = self.data["runs"]["steps"]
        given = {name for step in steps for name in step.get("env", {}) if "CONVCALC" in name}
        assert given == set(re.findall(r"CONVCALC_[A-Z_]+", self.script))

    def test_every_input_is_used_and_described(self) -> None:
        used = set(re.findall(r"inputs\.([a-z-]+)", (REPOSITORY / "action.yml").read_text("utf-8")))
        assert used == set(self.data["inputs"])
        assert all(declared["description"] for declared in self.data["inputs"].values())

    def test_shell_is_sound(self) -> None:
        shellcheck = shutil.which("shellcheck")
        if shellcheck is None:
            pytest.skip("shellcheck is not installed")
        done = subprocess.run(
            [shellcheck, str(REPOSITORY / "action" / "steps.sh")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout == ""


def test_what_a_pull_request_changes_is_drawn_and_uploaded(job: Job) -> None:
    base = job.commit()
    job.network(GOOD.replace("kernel: 3", "kernel: 5"))
    job.commit()
    done = job.run(base=base)
    (body,) = bodies(job)
    assert body.startswith(MARKER)
    assert "## What changed" in body
    assert "```mermaid\nflowchart TB\n" in body
    assert "kernel 3 \u2192 5" in body
    (uploaded,) = done.used.values()
    folder = Path(uploaded["path"])
    assert str(folder) == done.outputs["pages"]
    (page,) = folder.iterdir()
    assert page.name == "models-net.yaml.html"
    assert "kernel 3 \u2192 5" in page.read_text(encoding="utf-8")
    shutil.rmtree(folder)


def test_nothing_is_drawn_where_nothing_changed(job: Job) -> None:
    base = job.commit()
    done = job.run(base=base)
    (body,) = bodies(job)
    assert "mermaid" not in body
    assert not done.used or not list(Path(done.outputs["pages"]).iterdir())


def test_what_changed_can_be_left_out(job: Job) -> None:
    base = job.commit()
    job.network(GOOD.replace("kernel: 3", "kernel: 5"))
    done = job.run(base=base, changes="false")
    (body,) = bodies(job)
    assert "What changed" not in body
    assert not done.used


def test_a_base_that_is_not_there_is_a_notice(job: Job) -> None:
    job.commit()
    done = job.run(base="0" * 40)
    assert "::notice title=convcalc::the base of the pull request cannot be fetched" in done.log
    (body,) = bodies(job)
    assert "What changed" not in body
