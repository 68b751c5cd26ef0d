"""docs/ci.md tells of everything that there is: inputs, outputs, hooks and formats."""

from __future__ import annotations

import re
from typing import Any

import yaml

from convcalc.cli.check import FORMATS
from convcalc.render.check_markdown import MARKER
from tests.ci.offline import REPOSITORY
from tests.docs.transcripts import blocks

PAGE = (REPOSITORY / "docs" / "ci.md").read_text(encoding="utf-8")


def read(name: str) -> Any:
    return yaml.safe_load((REPOSITORY / name).read_text(encoding="utf-8"))


def test_inputs_and_outputs_of_the_action() -> None:
    action = read("action.yml")
    rows = re.findall(r"^\| `([a-z-]+)` \| (?!what to run)", PAGE, re.MULTILINE)
    assert rows == list(action["inputs"])
    assert all(f"`{name}`" in PAGE for name in action["outputs"])


def test_workflows_are_yaml_and_give_the_action_only_what_it_takes() -> None:
    inputs = set(read("action.yml")["inputs"])
    found = [yaml.safe_load(block.text) for block in blocks(PAGE) if block.language == "yml"]
    steps = [step for data in found for step in steps_of(data)]
    ours = [step for step in steps if step["uses"].startswith("OWNER/convcalc")]
    assert len(ours) == 2
    assert set().union(*[step.get("with", {}) for step in ours]) <= inputs


def steps_of(data: Any) -> list[dict[str, Any]]:
    """The steps of a workflow, or a block that is a list of steps."""
    if isinstance(data, list):
        return data
    return [step for job in data.get("jobs", {}).values() for step in job["steps"]]


def test_hooks() -> None:
    hooks = [hook["id"] for hook in read(".pre-commit-hooks.yaml")]
    assert re.findall(r"^      - id: ([a-z-]+)$", PAGE, re.MULTILINE) == hooks


def test_formats_for_other_programs_and_the_marker() -> None:
    for name in {*FORMATS} - {"text", "sarif"}:
        assert f"--format {name}" in PAGE
    assert "`sarif`" in PAGE
    assert f"`{MARKER}`" in PAGE
