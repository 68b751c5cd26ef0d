"""`convcalc schema`: the JSON Schema of a spec and of convcalc.yaml."""

from __future__ import annotations

from typing import Annotated

import typer

from convcalc.cli import options
from convcalc.cli.guard import guarded
from convcalc.cli.output import emit

#: The documents that have a schema.
WHAT = ("spec", "config")


@guarded
def schema(
    what: Annotated[
        str,
        typer.Argument(metavar="spec|config", help="Describe a spec, or convcalc.yaml: config."),
    ] = "spec",
    output: options.Output = None,
) -> int:
    """Write the JSON Schema of a spec, or of convcalc.yaml.

    Examples:
      convcalc schema --output convcalc.schema.json
      # then, as the first line of a spec, for the YAML language server:
      # yaml-language-server: $schema=convcalc.schema.json
      convcalc schema config --output convcalc-config.schema.json

    It is of draft 7, for editors.
    """
    import json

    options.read_word("the schema", what, WHAT)
    if what == "config":
        from convcalc.checks.project.config import config_schema as document
    else:
        from convcalc.language.schema import spec_schema as document

    emit(json.dumps(document(), indent=2) + "\n", output, "json")
    return 0
