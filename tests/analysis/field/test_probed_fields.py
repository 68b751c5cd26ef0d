"""Receptive fields of units of random networks, as runs show them."""

from __future__ import annotations

from random import Random

import pytest

import convcalc
from convcalc.analysis.field.fields import fields
from tests.analysis.field.probing import hold_the_report, probed
from tests.networks.grow import random_spec
from tests.quick import each_seed

#: Units of a network that are probed.
UNITS = 4


@pytest.mark.no_cover
@each_seed(40, 400)
def test_a_unit_depends_on_its_field_and_on_nothing_else(seed: int) -> None:
    text = random_spec(Random(seed))
    network = convcalc.loads(text)
    seen = fields(network)
    rng = Random(seed)
    for node in rng.sample(network.operations, min(UNITS, len(network.operations))):
        place = tuple([rng.randrange(n) for n in node.shape[1:]])
        hold_the_report(seen, network, node, place)
        for what, expected, found in probed(network, node, place):
            assert found == expected, f"{node.path} at {place} and {what}\n{text}"
