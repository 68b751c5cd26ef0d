"""Releases: versions that agree, workflows, and the distributions that they publish."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from runpy import run_path
from shutil import copy, which
from typing import Any

import pytest
import yaml

from convcalc import __version__
from tests.ci.offline import REPOSITORY
from tests.test_requirements import pyproject

WORKFLOWS = REPOSITORY / ".github" / "workflows"
RELEASE = run_path(str(REPOSITORY / "scripts" / "release.py"))


def workflow(name: str) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load((WORKFLOWS / name).read_text(encoding="utf-8"))
    return data


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in workflow(name)["jobs"].values() for step in job["steps"]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files that name a version."""
    for name in (*RELEASE["PLACES"], "CHANGELOG.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        copy(REPOSITORY / name, tmp_path / name)
    return tmp_path


class TestVersions:
    def test_all_places_name_the_version(self) -> None:
        for name, pattern in RELEASE["PLACES"].items():
            assert pattern.findall((REPOSITORY / name).read_text(encoding="utf-8")) == [__version__]

    def test_unreleased_changes_have_the_first_section(self) -> None:
        text = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
        sections = re.findall(r"^## \[(.+)\]$", text, re.MULTILINE)
        assert sections[:2] in (["Unreleased"], ["Unreleased", __version__])
        assert len(set(sections)) == len(sections)

    def test_another_tag_is_refused(self) -> None:
        with pytest.raises(SystemExit, match=f"names version {__version__}, and the tag is v9"):
            RELEASE["check_tag"]("v9.0.0")

    def test_a_new_version_is_named_everywhere(self, folder: Path) -> None:
        changelog = folder / "CHANGELOG.md"
        text = changelog.read_text(encoding="utf-8")
        mark = "## [Unreleased]\n"
        changelog.write_text(text.replace(mark, f"{mark}\n### Fixed\n\n- This.\n", 1))
        unreleased = RELEASE["notes"]("Unreleased", folder)
        RELEASE["name_version"]("9.1.0", folder)
        assert RELEASE["check_tag"]("v9.1.0", folder) == unreleased
        assert unreleased.startswith("### Fixed\n\n- This.")
        assert RELEASE["notes"]("Unreleased", folder) == ""
        assert RELEASE["notes"](__version__, folder) == RELEASE["notes"](__version__)
        with pytest.raises(SystemExit, match=r"names version 9\.1\.0, and the tag is v9\.1"):
            RELEASE["check_tag"]("v9.1", folder)
        with pytest.raises(SystemExit, match=r"has a section of 9\.1\.0 already"):
            RELEASE["name_version"]("9.1.0", folder)
        with pytest.raises(SystemExit, match="no unreleased changes"):
            RELEASE["name_version"]("9.2.0", folder)

    def test_what_is_no_version_is_refused(self, folder: Path) -> None:
        with pytest.raises(SystemExit, match="'v1' is not a version"):
            RELEASE["name_version"]("v1", folder)


def test_the_citation_agrees_with_the_package() -> None:
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
    project = pyproject()["project"]
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["title"] == project["name"]
    assert citation["version"] == __version__
    assert citation["license"] == project["license"]
    assert citation["authors"] == project["authors"]
    assert set(citation["keywords"]) <= set(project["keywords"])


class TestWorkflows:
    def test_every_supported_python_on_every_system(self) -> None:
        matrix = workflow("tests.yml")["jobs"]["tests"]["strategy"]["matrix"]
        lock = run_path(str(REPOSITORY / "scripts" / "lock_requirements.py"))
        assert tuple(matrix["python"]) == lock["PYTHONS"]
        systems = {"ubuntu-latest", "macos-latest", "windows-latest"}
        assert set(matrix["os"]) == systems
        more = {(one["os"], one["libraries"]) for one in matrix["include"]}
        assert more == {(system, which) for system in systems for which in ("oldest", "newest")}
        oldest = {one["python"] for one in matrix["include"] if one["libraries"] == "oldest"}
        assert oldest <= set(lock["OLD_PYTHONS"])

    @pytest.mark.parametrize("path", sorted(WORKFLOWS.glob("*.yml")), ids=lambda path: path.name)
    def test_workflows_run_files_that_there_are(self, path: Path) -> None:
        for step in steps(path.name):
            for name in re.findall(r"(?:bash|python) ([\w./]+)", step.get("run", "")):
                assert (REPOSITORY / name).is_file(), name
            # A tag is read from the environment: in the text of a command it could be a command.
            assert "${{ github" not in step.get("run", "")

    def test_only_the_job_that_publishes_may_ask_for_the_trust_of_the_index(self) -> None:
        jobs = workflow("release.yml")["jobs"]
        trusted = [name for name, job in jobs.items() if job.get("permissions", {}).get("id-token")]
        assert trusted == ["publish"]
        assert jobs["publish"]["environment"] == "release"
        assert all("run" not in step for step in jobs["publish"]["steps"])
        assert "secrets" not in (WORKFLOWS / "release.yml").read_text(encoding="utf-8")


def test_distributions_are_built_and_checked(tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", str(REPOSITORY / ".ci" / "distributions"), str(tmp_path)],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    )
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"convcalc-{__version__}-py3-none-any.whl", f"convcalc-{__version__}.tar.gz"]
    for tool in ("twine", "check-wheel-contents"):
        assert (f"skipped, not installed: {tool}" in done.stdout) == (which(tool) is None)


def test_scripts_of_ci_are_checked() -> None:
    shellcheck = which("shellcheck")
    if shellcheck is None:
        pytest.skip("shellcheck is not installed")
    scripts = [str(path) for path in sorted((REPOSITORY / ".ci").iterdir())]
    # A virtual environment's own script is not followed.
    command = [shellcheck, "--exclude=SC1090,SC1091", *scripts]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == ""
