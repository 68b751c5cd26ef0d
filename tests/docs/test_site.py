"""The documentation as a site builds without a warning, and has the pages of docs/index.md."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest
import yaml

from tests.docs.transcripts import REPOSITORY

DOCS = REPOSITORY / "docs"
#: Pages of the site that lie at the top of the repository, as docs/index.md links them.
TOP = {"../CONTRIBUTING.md": "contributing.md", "../SECURITY.md": "security.md"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    # It says at each start that its next major version will be another program.
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        command, check=False, cwd=REPOSITORY, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return folder


def navigation() -> dict[str, list[Any]]:
    nav = yaml.safe_load((REPOSITORY / "mkdocs.yml").read_text("utf-8"))["nav"]
    return {title: pages for part in nav for title, pages in part.items()}


def test_every_page_is_there(site: Path) -> None:
    for path in DOCS.rglob("*.md"):
        relative = path.relative_to(DOCS).with_suffix("")
        page = relative.parent if relative.name == "index" else relative
        assert (site / page / "index.html").is_file()
        assert (site / relative.with_suffix(".md")).read_text("utf-8") == path.read_text("utf-8")


def test_pages_ask_no_other_site(site: Path) -> None:
    for path in site.rglob("*.html"):
        text = path.read_text("utf-8")
        assert not re.findall(
            r"<(?:script|link|img|iframe)[^>]+(?:src|href)=\"?https?:[^>]*>", text
        )


def test_navigation_and_index_have_the_same_pages() -> None:
    index = (DOCS / "index.md").read_text("utf-8").partition("\n## From Python\n")[0]
    sections = re.split(r"^## ", index, flags=re.MULTILINE)[1:]
    listed = {
        section.partition("\n")[0]: [
            TOP.get(target, target)
            for target in re.findall(r"^- \[[^]]+\]\(([^)]+)\)", section, re.MULTILINE)
        ]
        for section in sections
    }
    shown = navigation()
    del shown["Home"]
    assert listed == shown


def test_generated_pages_are_up_to_date() -> None:
    script = run_path(str(REPOSITORY / "scripts" / "reference_pages.py"))
    for name, text in script["pages"]().items():
        written = (DOCS / name).read_text("utf-8")
        assert written == text, "`python scripts/reference_pages.py` writes it again"


def test_llms_txt_lists_every_page(site: Path) -> None:
    text = (site / "llms.txt").read_text("utf-8")
    named = set(re.findall(r"^- \[[^]]+\]\(([^)]+)\): .", text, re.MULTILINE))
    assert all((site / name).is_file() for name in named)
    english = {path.name for path in DOCS.glob("*.md")}
    assert named >= english - {"index.md"}


def test_formats_lists_every_schema_of_json() -> None:
    """The two JSON Schemas are not of output, but of files that people write."""
    page = (DOCS / "formats.md").read_text("utf-8")
    listed = re.findall(r"^\| `(convcalc\.[a-z]+/\d+)` \|", page, re.MULTILINE)
    code = [path.read_text("utf-8") for path in (REPOSITORY / "convcalc").rglob("*.py")]
    found = {name for text in code for name in re.findall(r'"(convcalc\.[a-z]+/\d+)"', text)}
    assert listed == sorted(found - {"convcalc.config/1", "convcalc.spec/1"})
