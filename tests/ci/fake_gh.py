"""A stand-in for GitHub's `gh`: answers from a file of comments, and writes down every call.

FAKE_GH_STATE names a JSON file: {"login": ..., "comments": [...], "forbidden": ..., "calls": []}.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import jq  # type: ignore[import-not-found]


def main() -> int:
    """One call of `gh api`."""
    file = Path(os.environ["FAKE_GH_STATE"])
    state: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    arguments = sys.argv[1:]
    state["calls"].append([*arguments, os.environ["GH_TOKEN"]])
    status = 0
    if arguments[:2] == ["api", "graphql"]:
        show(arguments, {"data": {"viewer": {"login": state["login"]}}})
    elif "--paginate" in arguments:
        show(arguments, state["comments"])
    elif state["forbidden"]:
        sys.stderr.write("gh: Resource not accessible by integration (HTTP 403)\n")
        status = 1
    else:
        write(arguments, state)
    file.write_text(json.dumps(state), encoding="utf-8")
    return status


def show(arguments: list[str], answer: object) -> None:
    """Prints what `--jq` picks from an answer: texts as they are, as gh does."""
    for found in jq.compile(after(arguments, "--jq")).input_value(answer).all():
        sys.stdout.write(f"{found}\n")


def write(arguments: list[str], state: dict[str, Any]) -> None:
    """Creates a comment, or changes one."""
    field = after(arguments, "-F")
    if not field.startswith("body=@"):
        raise ValueError(field)
    body = Path(field.removeprefix("body=@")).read_text(encoding="utf-8")
    url = next(argument for argument in arguments if argument.startswith("repos/"))
    if after(arguments, "--method") == "POST":
        comment = {"id": 900 + len(state["comments"]), "user": {"login": state["login"]}}
        state["comments"].append({**comment, "body": body})
    else:
        (comment,) = [c for c in state["comments"] if url.endswith(f"/issues/comments/{c['id']}")]
        comment["body"] = body


def after(arguments: list[str], option: str) -> str:
    """The value of an option."""
    return arguments[arguments.index(option) + 1]


if __name__ == "__main__":
    sys.exit(main())
