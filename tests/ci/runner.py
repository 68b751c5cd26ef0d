"""A small runner of composite actions: does with action.yml what GitHub's runner does."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

_EXPRESSION = re.compile(r"\$\{\{ (.+?) \}\}")


class Done(NamedTuple):
    """What running an action came to: the log, each step's status by name, and the outputs.

    used  what other actions were given, by their names
    """

    log: str
    statuses: dict[str, int]
    outputs: dict[str, str]
    used: dict[str, dict[str, str]]


def run_action(
    action: Path,
    context: Mapping[str, str],
    inputs: Mapping[str, str],
    runner: Mapping[str, str],
    without: Sequence[str] = (),
) -> Done:
    """Runs the steps of `action/action.yml` with the environment that a runner sets.

    `context` holds the values of expressions such as "github.token"; `runner` the environment, with
    GITHUB_WORKSPACE, where the steps run, and RUNNER_TEMP; `without` names steps to leave out.
    """
    data: dict[str, Any] = yaml.safe_load((action / "action.yml").read_text(encoding="utf-8"))
    known = {f"inputs.{name}": str(given["default"]) for name, given in data["inputs"].items()}
    known = {name: filled(value, context) for name, value in known.items()}
    known |= {**context, **{f"inputs.{name}": value for name, value in inputs.items()}}
    output = Path(runner["RUNNER_TEMP"]) / "output"
    environment = {**runner, "GITHUB_ACTION_PATH": str(action), "GITHUB_OUTPUT": str(output)}
    log, statuses, used = "", dict[str, int](), dict[str, dict[str, str]]()
    for step in data["runs"]["steps"]:
        failed = any(statuses.values())
        if step["name"] in without or not holds(step.get("if", "success()"), known, failed):
            continue
        if "uses" in step:
            values = {name: filled(str(value), known) for name, value in step["with"].items()}
            used[step["uses"]] = values
            continue
        output.write_text("", encoding="utf-8")
        given = {name: filled(value, known) for name, value in step.get("env", {}).items()}
        # Nothing that a user gives is pasted into the command.
        assert "${{" not in step["run"]
        done = subprocess.run(
            [*"bash --noprofile --norc -e -o pipefail -c".split(), step["run"]],  # noqa: SIM905
            cwd=Path(runner["GITHUB_WORKSPACE"]) / filled(step.get("working-directory", ""), known),
            env={**environment, **given},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            check=False,
        )
        log += done.stdout
        statuses[step["name"]] = done.returncode
        for line in output.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition("=")
            known[f"steps.{step['id']}.outputs.{name}"] = value
    outputs = {name: filled(given["value"], known) for name, given in data["outputs"].items()}
    return Done(log, statuses, outputs, used)


def filled(text: str, known: Mapping[str, str]) -> str:
    """A value with its expressions filled in; what is not known is empty, as with GitHub."""
    return _EXPRESSION.sub(lambda found: known.get(found[1], ""), text)


def holds(condition: str, known: Mapping[str, str], failed: bool) -> bool:
    """Whether a step's condition is true, if it is a conjunction of simple ones."""
    whole = _EXPRESSION.fullmatch(condition)
    return all(
        _holds(part, known, failed) for part in (whole[1] if whole else condition).split(" && ")
    )


def _holds(part: str, known: Mapping[str, str], failed: bool) -> bool:
    if part in {"success()", "!cancelled()"}:
        return not failed or part != "success()"
    name, _, value = part.partition(" == ")
    found = known.get(name, "")
    return found == value.strip("'") if value else found not in {"", "false"}
