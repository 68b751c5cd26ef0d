"""`requirements/` and pyproject.toml agree, for every supported Python and system."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

REPOSITORY = Path(__file__).resolve().parents[1]
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
SYSTEMS = {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}


def pyproject() -> Any:
    """The project's own file."""
    tomllib = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))


def required() -> list[Requirement]:
    """What the project needs to be built, to run and to be tested."""
    file = pyproject()
    project = file["project"]
    texts = (
        *file["build-system"]["requires"],
        *project["dependencies"],
        *project["optional-dependencies"]["test"],
    )
    return [Requirement(text) for text in texts]


def lines(name: str) -> list[str]:
    """The lines of a file in `requirements/`."""
    return (REPOSITORY / "requirements" / name).read_text(encoding="utf-8").splitlines()


def pythons(name: str) -> list[str]:
    """The Pythons for which a file names versions that need no building."""
    (line,) = (line for line in lines(name) if line.startswith("# Pythons"))
    return re.findall(r"\d+\.\d+", line)


def environments(versions: list[str]) -> Iterator[dict[str, str]]:
    """What markers are compared with, for each Python on each system."""
    for python in versions:
        for system, full_name in SYSTEMS.items():
            yield {
                "implementation_name": "cpython",
                "platform_python_implementation": "CPython",
                "os_name": "nt" if system == "win32" else "posix",
                "platform_system": full_name,
                "sys_platform": system,
                "python_version": python,
                "python_full_version": f"{python}.1",
            }


def applies(requirement: Requirement, environment: dict[str, str]) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(environment)


def installed(name: str, environment: dict[str, str]) -> dict[str, Version]:
    """The versions that a file gives there, by name."""
    found: dict[str, Version] = {}
    for text in lines(name):
        if text.startswith("#"):
            continue
        requirement = Requirement(text)
        if applies(requirement, environment):
            (exact,) = requirement.specifier
            assert exact.operator == "=="
            key = canonicalize_name(requirement.name)
            assert key not in found, f"{key} is there twice"
            found[key] = Version(exact.version)
    return found


@pytest.mark.parametrize("name", ["locked.txt", "oldest.txt"])
def test_every_requirement_is_met(name: str) -> None:
    for environment in environments(pythons(name)):
        found = installed(name, environment)
        for requirement in required():
            if applies(requirement, environment):
                version = found.get(canonicalize_name(requirement.name))
                assert version is not None, f"{requirement} is missing for {environment}"
                assert version in requirement.specifier, f"{requirement}: {version}"


def test_the_lock_serves_every_python() -> None:
    assert pythons("locked.txt") == list(PYTHONS)
    assert pyproject()["project"]["requires-python"] == f">={PYTHONS[0]}"


def test_the_oldest_versions_are_the_lower_bounds() -> None:
    for environment in environments(pythons("oldest.txt")):
        found = installed("oldest.txt", environment)
        for requirement in required():
            (bound,) = (s.version for s in requirement.specifier if s.operator in {">=", "=="})
            version = found[canonicalize_name(requirement.name)]
            assert version == Version(bound.removesuffix(".*")), f"{requirement}: {version}"


@pytest.mark.parametrize("name", ["locked.txt", "oldest.txt"])
def test_nothing_but_versions_is_in_a_file(name: str) -> None:
    """No index, no address and no option: whose packages they are, the reader's pip knows."""
    package = re.compile(r"[a-z0-9-]+==[0-9][0-9a-z.]*( ; [A-Za-z0-9_ .*'()<>=!]+)?")
    assert [line for line in lines(name) if line[:1] != "#" and not package.fullmatch(line)] == []
