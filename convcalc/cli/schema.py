"""`convcalc schema`: the JSON Schema of a spec."""

from __future__ import annotations

from convcalc.cli import options
from convcalc.cli.guard import guarded
from convcalc.cli.output import emit


@guarded
def schema(output: options.Output = None) -> int:
    """The JSON Schema (draft 7) of a spec, for editors.

    Examples:
      convcalc schema --output convcalc.schema.json
      # then, as the first line of a spec, for the YAML language server:
      # yaml-language-server: $schema=convcalc.schema.json
    """
    import json

    from convcalc.spec.schema import spec_schema

    emit(json.dumps(spec_schema(), indent=2) + "\n", output)
    return 0
