"""A diff that has something of everything, for the tests of its faces."""

from __future__ import annotations

from convcalc.analysis.costs.report import analyze
from convcalc.checks.diff.diff import compare
from convcalc.checks.diff.versions import Comparison
from convcalc.language.load import loads

OLD = """\
name: edge
input: [3, 64, 64]
defaults:
  conv: {norm: batch, activation: relu}
blocks:
  unit(c, s=1):
    - add:
        main:
          - {conv: c, kernel: 3, stride: s, padding: 1}
          - {conv: c, kernel: 3, padding: 1, activation: none}
        shortcut:
          - {conv: c, kernel: 1, stride: s, activation: none, when: s > 1 or in_channels != c}
      activation: relu
layers:
  - {conv: 16, kernel: 3, padding: 1, name: stem}
  - {unit: 16, repeat: 2}
  - {unit: 32, repeat: 2, first: {s: 2}}
  - {unit: 64, repeat: 2, first: {s: 2}}
  - {dropout: 0.2}
  - {conv: 128, kernel: 1}
  - {maxpool: 2}
  - softmax
  - global_avgpool
  - {dense: 10}
"""

NEW = (
    OLD.replace("{conv: c, kernel: 3, padding: 1, act", "{conv: c, kernel: 5, padding: 2, act")
    .replace("{unit: 32, repeat: 2", "{unit: 32, repeat: 4")
    .replace("name: stem", "name: entry")
    .replace("  - {dropout: 0.2}\n", "")
    .replace("{conv: 128, kernel: 1}", "{conv: 96, kernel: 1, stride: 2, activation: silu}")
    .replace("  - {maxpool: 2}\n  - softmax\n", "  - softmax\n  - {maxpool: 2}\n")
)


def comparison() -> Comparison:
    """Two versions of a network."""
    old, new = [
        analyze(loads(text, name=name)) for text, name in ((OLD, "v1.yaml"), (NEW, "v2.yaml"))
    ]
    return Comparison("changed", "v1.yaml", "v2.yaml", old, new, compare(old, new))


def several() -> list[Comparison]:
    """What may become of files: one of each."""
    one = comparison()
    assert one.old
    same = Comparison("same", "v1.yaml", "copy.yaml", one.old, one.old, compare(one.old, one.old))
    return [
        one,
        same,
        one._replace(status="renamed", new_name="moved.yaml"),
        same._replace(status="renamed", new_name="elsewhere.yaml"),
        one._replace(status="new", old_name="", old=None, diff=None),
        one._replace(status="deleted", new_name="", new=None, diff=None),
    ]
