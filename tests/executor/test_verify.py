"""Networks grown from the language are run: every observed shape is the reported one."""

from __future__ import annotations

from random import Random

import convcalc
from convcalc.executor.program import Program
from convcalc.executor.run import ready_inputs
from convcalc.executor.verify import verify
from tests.networks.grow import random_spec
from tests.quick import each_seed


@each_seed(50, 150)
def test_a_run_observes_what_the_report_says(seed: int) -> None:
    network = convcalc.loads(random_spec(Random(seed)))
    batch = 1 + seed % 3
    program = Program(network, threads=1)
    found = verify(program, ready_inputs(network, {}, batch, seed, program.dtype))
    report = convcalc.analyze(network, batch=batch)
    observed = {check.node.path: check.observed for check in found.checks}
    assert observed == {layer.node.path: layer.output for layer in report.layers}
