"""Finds the networks that a command checks or locks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

from convcalc.checks.project.config import find_config, read_config
from convcalc.checks.project.targets import LOCK_NAME, Target, find_targets
from convcalc.cli import options
from convcalc.problems import refused


class Project(NamedTuple):
    """The networks, and the path of their lock: beside convcalc.yaml, or in this folder."""

    targets: list[Target]
    lock: str


def read_project(
    command: str,
    files: Sequence[str] | None,
    sets: Sequence[str] | None,
    max_layers: int,
    named: str | None = None,
) -> Project:
    """Finds the networks that the options name, or those of the nearest convcalc.yaml.

    command     the command's name, for the error message if there are none
    max_layers  as for `find_targets`
    named       the file to use in place of the nearest convcalc.yaml
    """
    path = find_config() if named is None else named
    config = read_config(path) if path is not None else None
    if not files and config is None:
        help_text = f"name files, as in `convcalc {command} models/`, or write a convcalc.yaml"
        raise refused("no-files", "no FILE, and no convcalc.yaml from here upwards", help_text)
    targets = find_targets(files or [], config, options.read_sets(sets), max_layers)
    return Project(targets, os.path.join(config.folder if config is not None else "", LOCK_NAME))
