"""`convcalc new`: begins a spec."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from convcalc.cli.guard import guarded, refuse, write_error
from convcalc.cli.output import reason
from convcalc.language.load import find_source, read_file
from convcalc.language.shipped import is_word
from convcalc.problems import printable
from convcalc.safe_files import replace_file

_STARTER = """\
# A network, layer by layer. `convcalc shapes {file}` prints what each layer makes of its input.
# `convcalc kinds` lists all kinds of layers, and docs/language.md describes the language.
input: [3, 32, 32]       # channels, height, width
args: {{classes: 10}}      # `--set classes=100` changes it
defaults:
  conv: {{kernel: 3, padding: 1, norm: batch, activation: relu}}
blocks:
  unit(channels):        # a group of layers, called by its name
    - {{conv: channels}}
    - add: [[{{conv: channels}}], []]   # the layers in the first list, added to what entered
layers:
  - {{unit: 16}}
  - {{maxpool: 2}}
  - {{unit: 32, repeat: 2}}
  - {{global_avgpool}}
  - {{dense: classes}}
# `convcalc check {file}` fails if this is not so. More: params, macs, layers.
expect: {{output: [10]}}
"""
_EXTENDING = """\
# `convcalc show {base}` prints what this builds on. Keys that are written here replace its own.
extends: {base}
"""


@guarded
def new(
    path: Annotated[str, typer.Argument(metavar="FILE", help="Name the spec to write: net.yaml.")],
    like: Annotated[
        str | None,
        typer.Option(
            "--like", metavar="NAME", help="Extend this network instead of starting anew."
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="NAME", help="Copy the text of this network."),
    ] = None,
) -> int:
    """Begin a spec: a starter, or one built on a network.

    Examples:
      convcalc new net.yaml
      convcalc new net.yaml --like resnet50      extends it
      convcalc new net.yaml --from lenet         copies its text

    A file that exists is kept.
    """
    if like is not None and source is not None:
        refuse("--like and --from exclude each other", "--like extends a network, --from copies it")
    if not path.endswith((".yaml", ".yml")):
        refuse(f"{printable(path, 200)}: the name of a spec ends in .yaml", f"{path}.yaml")
    if os.path.lexists(path):
        refuse(f"{printable(path, 200)} is there already, and is kept")
    shown = printable(os.path.basename(path))
    if source is not None:
        text = find_source(source).text
    elif like is not None:
        text = _EXTENDING.format(base=_base(like, path))
    else:
        text = _STARTER.format(file=shown)
    try:
        replace_file(path, text)
    except OSError as error:
        refuse(f"{printable(path, 200)} cannot be written: {reason(error)}")
    write_error(f"{printable(path, 200)} written; next: convcalc shapes {printable(path, 200)}\n")
    return 0


def _base(like: str, path: str) -> str:
    """What `extends` has for a network: a shipped one's name, or the path from the new file."""
    find_source(like)  # refuses what is not there
    if is_word(like) and not os.path.isfile(like):
        return like
    read_file(like)
    return os.path.relpath(like, os.path.dirname(os.path.abspath(path))).replace(os.sep, "/")
