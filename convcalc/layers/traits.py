"""What a kind declares of itself, as small values: branches, channels, gradients, weights."""

from __future__ import annotations

from typing import Literal

from convcalc.counts import NOTHING, Counts
from convcalc.problems import Rule, RuleError
from convcalc.record import Record

#: As what a layer may be fused to another, under the argument of that name.
Role = Literal["norm", "activation"]
#: All of them, in the order in which they are computed.
ROLES: tuple[Role, ...] = ("norm", "activation")


class Branches(Record):
    """The inputs of a join: how many, and their names where their roles differ.

    least, most  how many there may be; `most` is None where there is no limit
    names        of exactly these branches, in this order; empty where any names do. One after the
                 first `least` may be left out.
    word         the argument that a word gives which stands in place of the branches; what enters
                 is the one branch then. Empty where no word may stand there.
    """

    least: int = 1
    most: int | None = None
    names: tuple[str, ...] = ()
    word: str = ""

    @property
    def text(self) -> str:
        """How many, as a phrase that fits after "takes".

        >>> Branches().text, Branches(2, 2).text, Branches.named("query", "key", "value").text
        ('at least 1 branch', 'exactly 2 branches', 'the branches query, key, value')
        >>> Branches.named("value", "offset", optional="mask").text
        'the branches value, offset (and mask)'
        """
        if self.names:
            optional = f" (and {self.names[-1]})" if self.most != self.least else ""
            return f"the branches {', '.join(self.required)}{optional}"
        count = f"{self.least} branch{'es' if self.least > 1 else ''}"
        return f"{'exactly' if self.most == self.least else 'at least'} {count}"

    @classmethod
    def named(cls, *names: str, optional: str = "") -> Branches:
        """Exactly the branches with these names, and perhaps one more."""
        every = (*names, optional) if optional else names
        return cls(len(names), len(every), every)

    @property
    def required(self) -> tuple[str, ...]:
        """The names of the branches that may not be left out."""
        return self.names[: self.least]

    def check(self, kind: str, count: int) -> None:
        """Refuses a number of branches that the kind does not take."""
        if count < self.least or (self.most is not None and count > self.most):
            raise RuleError(
                "branch-count",
                f"{kind} takes {self.text}, not {count}",
                "",
                [Rule("a branch whose condition fails does not count")],
            )


Relation = Literal[
    "free",
    "own",
    "compared",
    "same",
    "tied",
    "joined",
    "sliced",
    "spread",
    "gathered",
    "shuffled",
    "constant",
    "fixed",
]


class ChannelRule(Record):
    """How a layer's output channels relate to its input's.

    free      an argument of the layer; a what-if changes them, `factor` equal parts of them alike
    own       an argument of the layer; a what-if changes them only with what they are tied to
    compared  not those of the inputs, which must be equal
    same      those of the input, or of input number `source`
    tied      those of each input, which must be equal; one channel beside many stays one
    joined    those of all inputs, one after the other
    sliced    those of the input from `start` to `stop`
    spread    `factor` consecutive ones for each of the input
    gathered  one for each `factor` consecutive ones of the input
    shuffled  those of the input, its `groups` groups interleaved
    constant  as many whatever becomes of the input's
    fixed     none of these: neither side can change

    groups  must divide the channels of input number `source` and, where free, the output's
    parts   must divide the first input's channels
    kept    inputs, by their place, whose channels may not change
    """

    relation: Relation
    factor: int = 1
    start: int = 0
    stop: int = 0
    groups: int = 1
    parts: int = 1
    kept: tuple[int, ...] = ()
    source: int = 0


FREE = ChannelRule("free")
OWN = ChannelRule("own")
SAME = ChannelRule("same")
CONSTANT = ChannelRule("constant")
FIXED = ChannelRule("fixed")


class Backward(Record):
    """Scalar operations of one layer's backward pass on a batch, in three parts.

    weights  the gradient with respect to the learned arrays, biases aside
    bias     the gradient with respect to the biases
    input    the gradient with respect to the inputs; computed last, from what the others left
    """

    weights: Counts = NOTHING
    bias: Counts = NOTHING
    input: Counts = NOTHING


class Kept(Record):
    """What a layer keeps of its forward pass on a batch until its backward pass has run.

    inputs      which of its inputs, by their place
    output      whether its output
    numbers     further numbers, of the activations' type
    statistics  further numbers that are float32 whatever the activations are
    flags       truth values, a byte each
    indices     places of elements, 8 bytes each
    """

    inputs: tuple[int, ...] = ()
    output: bool = False
    numbers: int = 0
    statistics: int = 0
    flags: int = 0
    indices: int = 0


class Start(Record):
    """How a learned array or a statistic starts.

    middle  where training starts
    spread  how far from it random weights may be, so that a run shows their influence
    """

    middle: float
    spread: float = 0.0


#: By the array's name, where a kind does not say otherwise. Factors are about 1 in the mean square,
#: so that a normalisation keeps the scale of its input.
STARTS: dict[str, Start] = {
    "weight": Start(1.0, 0.25),
    "bias": Start(0.0, 0.1),
    "running_mean": Start(0.0, 0.1),
    "running_var": Start(1.0, 0.25),
}
