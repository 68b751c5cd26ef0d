"""The README is short, and the project's address has one place."""

from __future__ import annotations

import subprocess

from tests.docs.transcripts import REPOSITORY, blocks

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
#: What stands where the project's address will.
PLACE = "address=ADDRESS"


def test_it_is_short() -> None:
    assert len(README.split()) <= 900


def test_set_up_is_two_commands() -> None:
    before_tasks = README.partition("\n## ")[0]
    main, tests = [line for line in before_tasks.splitlines() if line.startswith("    ")]
    assert main == "    pip install . && convcalc shapes vgg16"
    assert tests.endswith(" -e . && ./check")


def test_what_needs_the_address_is_marked_and_takes_it_from_one_place() -> None:
    (block,) = [block for block in blocks(README) if block.language == "sh"]
    assert block.lines[0] == PLACE
    assert all('$address"' in line for line in block.lines[1:])
    assert {line.split()[0] for line in block.lines[1:]} == {"git", "uvx", "pipx"}
    before = README.partition(f"```sh\n{PLACE}")[0].strip().splitlines()[-1]
    assert before == "Not run by the tests, because ADDRESS is not known yet:"


def test_no_other_file_has_the_address() -> None:
    command = ["git", "grep", "-lE", "^address=|git\\+\\$|uvx --from|pipx install|git clone"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.stderr:
        return  # an export of the repository has no git
    found = {name for name in done.stdout.split() if not name.startswith("tests/")}
    assert found == {"README.md"}
