"""The documentation tells the truth: commands print what it shows, files and links exist."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

from convcalc.layers import NODE_KINDS, layer_class
from convcalc.layers.elementwise import ElementwiseLayer
from tests.docs.transcripts import (
    REPOSITORY,
    Block,
    blocks,
    documents,
    files,
    folder_with,
    renewed,
    run,
    transcript,
)

EXERCISES = ["exercises.md", "zh/exercises.md"]
_NUMBER = re.compile(r"(?<![\d,.])\d{1,3}(?:,\d{3})+(?![\d,])")
_LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)|src=\"([^\"]+)\"")


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def shown(language: str) -> list[tuple[Path, Block]]:
    """All blocks of a language, with the document that holds each."""
    return [
        (path, block)
        for path in documents()
        for block in blocks(text_of(path))
        if block.language == language
    ]


def place(value: object) -> str:
    """A readable test id."""
    if isinstance(value, Path):
        return value.relative_to(REPOSITORY).as_posix()
    return str(value.line) if isinstance(value, Block) else repr(value)


@pytest.mark.no_cover
@pytest.mark.parametrize(("path", "block"), shown("console"), ids=place)
def test_commands_print_what_is_shown(path: Path, block: Block) -> None:
    with folder_with(files(blocks(text_of(path)))):
        assert block.text == transcript(block), (
            "`python -m tests.docs.transcripts` writes the new output into the documents"
        )


@pytest.mark.parametrize("path", documents(), ids=place)
def test_python_sessions_hold(path: Path) -> None:
    found = blocks(text_of(path))
    source = "".join(block.text + "\n" for block in found if block.language == "pycon")
    session = doctest.DocTestParser().get_doctest(source, {}, path.name, str(path), 0)
    with folder_with(files(found)):
        report: list[str] = []
        doctest.DocTestRunner(verbose=False).run(session, out=report.append)
    assert not "".join(report)


PROGRAMS = [one for one in shown("python") if one[1].text.startswith("import ")]


@pytest.mark.parametrize(("path", "block"), PROGRAMS, ids=place)
def test_programs_run(path: Path, block: Block) -> None:
    for module in re.findall(r"^(?:import|from) (\w+)", block.text, re.MULTILINE):
        pytest.importorskip(module, reason=f"{path.name} uses {module}, which is not installed")
    done = subprocess.run([sys.executable, "-c", block.text], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("path", documents(), ids=place)
def test_links_lead_somewhere(path: Path) -> None:
    targets = {first or second for first, second in _LINK.findall(text_of(path))}
    local = {target for target in targets if not target.startswith(("https:", "http:"))}
    assert not {target for target in local if not (path.parent / target).exists()}


def test_the_reference_of_kinds_is_what_a_command_prints() -> None:
    assert text_of(REPOSITORY / "docs" / "kinds.md") == run(["kinds", "--format", "markdown"])[0]


@pytest.mark.parametrize("name", EXERCISES)
def test_numbers_of_an_answer_come_from_its_outputs(name: str) -> None:
    """Figures in the prose of the exercises are none that somebody once typed."""
    sections = re.split(r"^### ", text_of(REPOSITORY / "docs" / name), flags=re.MULTILINE)
    for section in sections[1:]:
        found = blocks(section)
        output = "".join(block.text for block in found).replace(",", "")
        prose = section
        for block in found:
            prose = prose.replace(block.text, "")
        told = {number.replace(",", "") for number in _NUMBER.findall(prose)}
        unknown = {n for n in told if not re.search(rf"(?<!\d){n}(?!\d)", output)}
        assert not unknown, section.splitlines()[0]


@pytest.mark.parametrize("name", EXERCISES)
def test_every_exercise_is_answered(name: str) -> None:
    sections = re.split(r"^### ", text_of(REPOSITORY / "docs" / name), flags=re.MULTILINE)
    answered = {"console", "pycon"}
    for section in sections[1:]:
        assert answered & {block.language for block in blocks(section)}, section.splitlines()[0]


class TestOpCounts:
    text = text_of(REPOSITORY / "docs" / "op-counts.md")

    def test_names_every_kind(self) -> None:
        assert not {kind for kind in NODE_KINDS if f"`{kind}`" not in self.text}

    def test_activations_cost_what_the_table_says(self) -> None:
        rows = re.findall(r"^\| `(\w+)` \| [^|]+((?:\| \d )+)\|$", self.text, re.MULTILINE)
        told = {kind: tuple(int(n) for n in re.findall(r"\d", counts)) for kind, counts in rows}
        classes = {kind: layer_class(kind) for kind in NODE_KINDS}
        activations = {
            kind: tuple(cls.cost)
            for kind, cls in classes.items()
            if issubclass(cls, ElementwiseLayer) and cls.role == "activation"
        }
        assert told == activations


class TestTranscripts:
    """The machinery above, on a small document."""

    DOCUMENT = (
        "```yaml\n# tiny.yaml\ninput: [1, 3, 3]\nlayers: [{conv: 1, kernel: 2}]\n```\n"
        "text\n```console\n$ convcalc shapes tiny.yaml --format csv\nold\n"
        "$ convcalc shapes nothing.yaml\n$ echo $?\n```\nmore\n"
    )

    def test_blocks_are_found(self) -> None:
        assert [(b.language, b.line, len(b.lines)) for b in blocks(self.DOCUMENT)] == [
            ("yaml", 2, 3),
            ("console", 8, 4),
        ]

    def test_files_are_found(self) -> None:
        assert list(files(blocks(self.DOCUMENT))) == ["tiny.yaml"]

    def test_output_is_renewed(self) -> None:
        new = renewed(self.DOCUMENT)
        assert "old" not in new
        assert "conv0" in new
        assert new.startswith("```yaml\n# tiny.yaml")
        assert new.endswith("$ echo $?\n2\n```\nmore\n")
        assert renewed(new) == new

    def test_open_block_is_refused(self) -> None:
        with pytest.raises(ValueError, match="line 2 is never closed"):
            blocks("```console\n$ convcalc\n")

    def test_other_programs_are_refused(self) -> None:
        with pytest.raises(ValueError, match="only convcalc"):
            transcript(Block("console", 1, ("$ rm everything",)))
