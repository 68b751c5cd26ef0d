"""Attentions that run as one kernel, which computes scores and probabilities piece by piece.

Such a kernel never holds them. It holds query, key, value and result, and for each head and
position of the query a float32 number, from which the backward pass computes the probabilities
again.

Source: Dao et al., FlashAttention, arXiv:2205.14135
"""

from __future__ import annotations

from itertools import groupby
from typing import NamedTuple

from convcalc.graph import Network


class FusedAttention(NamedTuple):
    """One attention; nodes are given by their indices.

    parts       its nodes, the last of which makes its result
    reads       the nodes that it reads: query, key, value
    sums        the part in whose place the float32 numbers are
    statistics  how many of these there are, for one sample
    """

    parts: range
    reads: tuple[int, ...]
    sums: int
    statistics: int

    @property
    def result(self) -> int:
        """The part that makes the result."""
        return self.parts[-1]


def fused_attentions(network: Network) -> list[FusedAttention]:
    """The attentions of a network, in execution order."""
    nodes, found = network.nodes, []
    for _, group in groupby(range(len(nodes)), key=lambda index: id(nodes[index].written)):
        members = list(group)
        parts = range(members[0], members[-1] + 1)
        written = nodes[parts[0]].written
        if written is None:
            continue
        reads = [i for part in parts for i in nodes[part].inputs if i not in parts]
        statistics = written.fused_statistics([nodes[i].shape for i in reads])
        if statistics:
            sums = nodes[parts[-1]].inputs[0]
            while nodes[sums].layer.is_view(network.input_shapes(nodes[sums])):
                sums = nodes[sums].inputs[0]
            found.append(FusedAttention(parts, tuple(reads), sums, statistics))
    return found


def by_part(fused: list[FusedAttention]) -> dict[int, FusedAttention]:
    """The attention of each part."""
    return {part: one for one in fused for part in one.parts}
