"""A check as a step of GitHub Actions: annotations and a summary."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from convcalc.checks.project.findings import CheckedNetwork
from convcalc.cli.guard import write_error
from convcalc.cli.output import COMMANDS, emit
from convcalc.problems import ConvcalcError


def repository_folder() -> str:
    """The current folder's path in its repository, with forward slashes; "" where it has none.

    Reports for other programs name files from the repository's root.
    """
    try:
        folder = os.getcwd()
    except FileNotFoundError:
        return ""  # it was deleted
    below: list[str] = []
    while not os.path.exists(os.path.join(folder, ".git")):
        parent, name = os.path.split(folder)
        if parent == folder:
            return ""
        folder, below = parent, [name, *below]
    return "/".join(below)


def annotated(checked: Sequence[CheckedNetwork], base: str | None) -> Sequence[CheckedNetwork]:
    """What annotations show: broken limits at the lines that changed since a revision.

    base  that revision; without one it is what the pull request is based on, if git knows that
    """
    target = os.environ.get("GITHUB_BASE_REF")
    if base is None and not target:
        return checked
    from convcalc.checks.diff.revision import Revision
    from convcalc.checks.project.changed import at_changed_lines

    if base is not None:
        with Revision(base) as revision:
            return at_changed_lines(checked, revision.changed_lines)
    # What is checked out is the commit that would merge the pull request, or its last commit.
    merged = os.environ.get("GITHUB_REF", "").endswith("/merge")
    for name in (f"origin/{target}", *(["HEAD^1"] if merged else [])):
        with suppress(ConvcalcError), Revision(name, merge_base=True) as revision:
            return at_changed_lines(checked, revision.changed_lines)
    return checked


def publish(moved: Sequence[CheckedNetwork], checked: Sequence[CheckedNetwork]) -> None:
    """Annotates the pull request, and adds the tables to the step's summary if it has one.

    moved  the same networks with problems where annotations show them
    """
    from convcalc.render.check_markdown import SUMMARY_LIMIT, check_markdown
    from convcalc.render.github import github_text

    emit(github_text(moved, repository_folder()), None, COMMANDS)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        try:
            # Append: another command of the same step may have written to it.
            with open(summary, "a", encoding="utf-8", newline="\n") as file:
                file.write(check_markdown(checked, SUMMARY_LIMIT))
        except OSError as error:
            write_error(f"the step's summary cannot be written: {error.strerror}\n")


@contextmanager
def errors_annotated(annotating: bool) -> Iterator[None]:
    """Annotates errors from before the first network is checked, such as a bad convcalc.yaml."""
    try:
        yield
    except ConvcalcError as error:
        if annotating:
            from convcalc.render.github import github_text

            refused = CheckedNetwork("convcalc check", "", error.status, error.problems)
            emit(github_text([refused], repository_folder()), None, COMMANDS)
        raise
