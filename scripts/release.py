"""Names a version everywhere, or checks that a tag is that version.

    python scripts/release.py 0.3.0
    python scripts/release.py --check v0.3.0

The second prints the version's part of the changelog, and fails where a place names another one.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
#: The places that name the version, and how.
PLACES = {
    "convcalc/__init__.py": re.compile(r'^__version__ = "(.+)"$', re.MULTILINE),
    "CITATION.cff": re.compile(r"^version: (.+)$", re.MULTILINE),
}
_UNRELEASED = "## [Unreleased]\n"


def name_version(version: str, folder: Path = REPOSITORY) -> None:
    """Writes the version into its places, and makes the unreleased changes those of the version."""
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        sys.exit(f"'{version}' is not a version such as 0.3.0")
    changelog = _read(folder, "CHANGELOG.md")
    if f"## [{version}]\n" in changelog:
        sys.exit(f"CHANGELOG.md has a section of {version} already")
    if not notes("Unreleased", folder):
        sys.exit("CHANGELOG.md has no unreleased changes")
    for name, pattern in PLACES.items():
        text, count = pattern.subn(lambda found: _renamed(found, version), _read(folder, name))
        if count != 1:
            sys.exit(f"{name} names the version {count} times")
        (folder / name).write_text(text, encoding="utf-8")
    changelog = changelog.replace(_UNRELEASED, f"{_UNRELEASED}\n## [{version}]\n", 1)
    (folder / "CHANGELOG.md").write_text(changelog, encoding="utf-8")


def check_tag(tag: str, folder: Path = REPOSITORY) -> str:
    """The changes of a tag's version; fails where a place names another one, or none does."""
    version = tag.removeprefix("v")
    for name, pattern in PLACES.items():
        found = pattern.findall(_read(folder, name))
        if found != [version]:
            sys.exit(f"{name} names version {', '.join(found) or 'none'}, and the tag is {tag}")
    changes = notes(version, folder)
    if not changes:
        sys.exit(f"CHANGELOG.md has no changes under [{version}]")
    return changes


def notes(version: str, folder: Path = REPOSITORY) -> str:
    """The part of the changelog about a version; "" where there is none."""
    _, _, after = _read(folder, "CHANGELOG.md").partition(f"## [{version}]\n")
    return re.split(r"^## ", after, maxsplit=1, flags=re.MULTILINE)[0].strip()


def _read(folder: Path, name: str) -> str:
    return (folder / name).read_text(encoding="utf-8")


def _renamed(found: re.Match[str], version: str) -> str:
    return found[0].replace(found[1], version)


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--check":
        print(check_tag(sys.argv[2]))
    elif len(sys.argv) == 2:
        name_version(sys.argv[1])
    else:
        sys.exit(__doc__)
