"""What the documentation's site needs beside docs/: pages of the repository's top, and the sources.

MkDocs calls these functions; mkdocs.yml names this file.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

REPOSITORY = Path(__file__).resolve().parent.parent
#: Pages of the site that lie at the top of the repository, and what the site calls them.
_TOP = {
    "README.md": "overview.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
_SOURCES = {page: source for source, page in _TOP.items()}
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#\s]+)(#[^)]*)?\)")


def on_files(files: Any, config: Any) -> Any:
    """Adds the pages of the repository's top."""
    for source, page in _TOP.items():
        text = (REPOSITORY / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turns links between files of the repository into links between pages of the site."""
    uri = page.file.src_uri
    place = _SOURCES.get(uri) or posixpath.join("docs", uri)

    def link(match: re.Match[str]) -> str:
        mark, text, target, anchor = match.groups()
        if re.match(r"[a-z]+:", target):
            return match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(place), target))
        found = _TOP.get(path) or (path[len("docs/") :] if path.startswith("docs/") else "")
        if not found:
            return text  # a file that is no page
        relative = posixpath.relpath(found, posixpath.dirname(uri) or ".")
        return f"{mark}[{text}]({relative}{anchor or ''})"

    return _LINK.sub(link, markdown)


def on_post_build(config: Any, **_: Any) -> None:
    """Puts each page's Markdown beside it: llms.txt lists these files."""
    docs, site = Path(config["docs_dir"]), Path(config["site_dir"])
    for path in docs.rglob("*.md"):
        shutil.copyfile(path, site / path.relative_to(docs))
    for source, page in _TOP.items():
        shutil.copyfile(REPOSITORY / source, site / page)
