"""What a layer kind is: its arguments, its shape rule, its parameters and its counts.

A kind declares here, once, what the analyses, the what-ifs and the executor need to know of it, so
that none of them lists kinds. Each attribute states one property and has a default; the small
values that some of them take are in `convcalc.layers.traits`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, ClassVar, Literal, TypeVar

from convcalc.arithmetic import Window
from convcalc.counts import Counts
from convcalc.layers.fields import REQUIRED, Field, field
from convcalc.layers.reading import Readings
from convcalc.layers.traits import SAME, STARTS, Backward, Branches, ChannelRule, Kept, Role, Start
from convcalc.problems import Rule, RuleError
from convcalc.record import Record, dataclass_transform
from convcalc.shapes import MOST_AXES, Shape, tuple_text

L = TypeVar("L", bound="Layer")


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
class Layer:
    """One operation of a network; abstract. Shapes are those of one sample, channels first.

    A subclass declares its arguments as class attributes made by `field`, the first argument
    first. Instances are immutable. (A dataclass would do the same, but creating one costs half a
    millisecond at import, and there are fifty kinds.)
    """

    # What it is called and what it takes.

    #: The word that names it in a spec.
    kind: ClassVar[str] = ""
    #: What unnamed layers are called, before their number.
    prefix: ClassVar[str] = ""
    #: The arguments by name; filled in from the class attributes that `field` made.
    fields: ClassVar[dict[str, Field]] = {}
    #: How many branches it takes; None if it is no join.
    joins: ClassVar[Branches | None] = None
    #: The inputs of a kind that is no join: one, but for a network's input itself.
    inputs: ClassVar[int] = 1
    #: The least and the largest number of spatial axes of an input.
    least_rank: ClassVar[int] = 0
    most_rank: ClassVar[int] = MOST_AXES - 1
    #: How many of the first spatial axes are time: a list with one entry per axis leaves them out.
    time_axes: ClassVar[int] = 0

    # What it can be fused with.

    #: What may be fused to it, in this order; each is an argument of that name.
    fuses: ClassVar[tuple[Role, ...]] = ()
    #: As what it may itself be fused to another layer.
    role: ClassVar[Role | Literal[""]] = ""

    # What it computes with.

    #: What it computes is not known, and so neither what that costs nor what its units read. It is
    #: counted nowhere, and every figure of which it would be a part is incomplete. Such a kind has
    #: an argument `op`: the name of the operation.
    unknown: ClassVar[bool] = False
    #: Learns the weights of its sums of products: a layer that counts in a network's depth.
    weighted: ClassVar[bool] = False
    #: Its multiplies are multiply-accumulates, forward and backward.
    accumulates: ClassVar[bool] = False
    #: Each output element depends on the input element at its place only, so it can run in place.
    elementwise: ClassVar[bool] = False
    #: What its backward pass needs of the forward pass; None where no rule is known.
    keeps: ClassVar[tuple[Literal["inputs", "output"], ...] | None] = None

    # Where its values lie.

    #: Its result is an array of its own, which lies among the weights.
    constant: ClassVar[bool] = False
    #: The inputs, by their places, of which it uses the shape and not the values.
    shape_only: ClassVar[tuple[int, ...]] = ()
    #: Bytes of an element of its result where that is no number of the network's type; else 0.
    element_bytes: ClassVar[int] = 0
    #: Whether its result changes gradually with its inputs, so that gradients go through it.
    differentiable: ClassVar[bool] = True
    #: The same values in the same order: needs no memory and no time.
    view: ClassVar[bool] = False
    #: Its windows lie on its output: each input element is added onto one of them.
    scatters: ClassVar[bool] = False

    def __init_subclass__(cls, kind: str = "", prefix: str = "") -> None:
        cls.kind = kind
        cls.prefix = prefix or kind
        own: dict[str, Field] = {}
        for name, value in list(vars(cls).items()):
            if isinstance(value, Field):
                value.name = name
                own[name] = value
                delattr(cls, name)
        # A kind's own required arguments come before inherited ones: `channels` before `kernel`.
        required = {name: declared for name, declared in own.items() if declared.required}
        cls.fields = {**required, **cls.fields, **own}

    def __init__(self, **values: Any) -> None:
        for name, declared in self.fields.items():
            if name not in values:
                if declared.required:
                    raise TypeError(f"{self.kind} needs {name}")
                values[name] = declared.default
        self.__dict__.update(values)
        if len(values) != len(self.fields):
            raise TypeError(f"{self.kind} takes {', '.join(self.fields)}, not {sorted(values)}")

    @classmethod
    def read(cls: type[L], values: Mapping[str, object], rank: int) -> L:
        """The layer with these arguments as a user gave them, for `rank` spatial axes.

        Raises RuleError, with the argument to blame as its field.
        """
        read: dict[str, object] = {}
        for name in values:
            if name not in cls.fields:
                raise RuleError("unknown-argument", f"{cls.kind} has no argument '{name}'", name)
        for name, declared in cls.fields.items():
            value = values.get(name, declared.default)
            if value is REQUIRED:
                raise RuleError("missing-argument", f"{cls.kind} needs '{name}'", name)
            if value is None and declared.default is None:
                read[name] = None
                continue
            read[name] = declared.read(value, rank - cls.time_axes)
        return cls(**read)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a layer is immutable; use replace({name}=...)")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        # In the fields' order: __dict__ has that in which the arguments were given.
        return hash((self.kind, *[self.__dict__[name] for name in self.fields]))

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.fields)
        return f"{type(self).__name__}({values})"

    def replace(self: L, **changes: Any) -> L:
        """The same layer with other arguments."""
        return type(self)(**{**self.__dict__, **changes})

    # Its inputs and its result.

    def check_inputs(self, inputs: Sequence[Shape]) -> None:
        """Refuses a number of inputs, or of their axes, that the kind does not take."""
        if self.joins is not None:
            self.joins.check(self.kind, len(inputs))
        elif len(inputs) != self.inputs:
            message = f"{self.kind} takes {self.inputs} input, not {len(inputs)}"
            raise RuleError("branch-count", message)
        for shape in inputs:
            if not self.least_rank <= len(shape) - 1 <= self.most_rank:
                raise self.wrong_rank(shape)

    @classmethod
    def wrong_rank(cls, shape: Shape) -> RuleError:
        """The error for an input with fewer or more spatial axes than the kind takes."""
        if len(shape) == 1:
            needs, has = "an input with spatial axes", f"the {shape[0]} plain features"
        else:
            needs = f"{cls.least_rank} to {cls.most_rank} spatial axes"
            has = f"the {len(shape) - 1}"
        message = f"{cls.kind} needs {needs}, not {has} of {tuple_text(shape)}"
        return RuleError("wrong-rank", message)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The shape of the result; raises RuleError where the inputs do not fit."""
        raise NotImplementedError

    def parts(self, inputs: Sequence[Shape]) -> tuple[Part, ...]:
        """The nodes that it becomes in a graph; none where it is one node, itself."""
        return ()

    def fused_statistics(self, inputs: Sequence[Shape]) -> int:
        """The float32 numbers that one kernel for all its parts holds; 0 where there is none."""
        return 0

    def places(self) -> Layer | None:
        """The layer that finds where its result was chosen from the same inputs, if it chooses."""
        return None

    def reads(self, inputs: Sequence[Shape], index: int) -> Readings:
        """How its units read input number `index`: a reading for each axis, channels first."""
        raise NotImplementedError

    def all_reads(self, inputs: Sequence[Shape]) -> list[Readings]:
        """How its units read each input."""
        return [self.reads(inputs, index) for index in range(len(inputs))]

    def windows(self, inputs: Sequence[Shape]) -> tuple[Window, ...]:
        """The window on each spatial axis; empty for kinds without one."""
        return ()

    def settled(self: L, inputs: Sequence[Shape]) -> L:
        """The layer with numbers for what follows from others: `padding: same`, a pool's stride."""
        return self

    def is_view(self, inputs: Sequence[Shape]) -> bool:
        """Whether the result of these inputs shares its input's memory, unchanged."""
        return self.view

    def training_view(self, inputs: Sequence[Shape]) -> bool:
        """Whether it is a view of its input in training as well."""
        return self.is_view(inputs)

    def gathers(self, inputs: Sequence[Shape]) -> bool:
        """Whether its inputs lie one after the other in its result and can be computed there."""
        return False

    # What it costs.

    def counts(self, inputs: Sequence[Shape], output: Shape, *, valid_taps: bool = False) -> Counts:
        """Scalar operations on one sample; `valid_taps` leaves out taps that fall on padding."""
        raise NotImplementedError

    def batch_counts(
        self, inputs: Sequence[Shape], output: Shape, *, batch: int = 1, valid_taps: bool = False
    ) -> Counts:
        """Scalar operations on a batch, of which a kind may do some once for all samples."""
        counts = self.counts(inputs, output, valid_taps=valid_taps)
        return counts if batch == 1 else counts.times(batch)

    def macs(self, inputs: Sequence[Shape], output: Shape, counts: Counts) -> int:
        """The multiply-accumulates among the multiplies of a forward pass."""
        return counts.multiplies if self.accumulates else 0

    def training_counts(self, inputs: Sequence[Shape], output: Shape, *, batch: int = 1) -> Counts:
        """Scalar operations of the forward pass on a batch while the network is trained."""
        return self.batch_counts(inputs, output, batch=batch)

    def backward_counts(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Backward:
        """Scalar operations of the backward pass on a batch.

        wanted  for each input, whether its gradient is needed

        Raises RuleError no-backward-rule for a kind without a rule: an unknown cost is never 0.
        """
        raise self._no_backward_rule()

    def backward_macs(
        self, inputs: Sequence[Shape], output: Shape, back: Backward
    ) -> tuple[int, int]:
        """The multiply-accumulates of the input's gradient, and of the weights'."""
        if not self.accumulates:
            return 0, 0
        return back.input.multiplies, back.weights.multiplies

    def kept(
        self, inputs: Sequence[Shape], output: Shape, *, wanted: Sequence[bool], batch: int = 1
    ) -> Kept:
        """What a batch's forward pass keeps for the backward pass; raises as `backward_counts`."""
        if self.keeps is None:
            raise self._no_backward_rule()
        every = tuple(range(len(inputs))) if "inputs" in self.keeps else ()
        return Kept(every, "output" in self.keeps)

    def _no_backward_rule(self) -> RuleError:
        return RuleError("no-backward-rule", f"{self.kind} has no rule for the backward pass")

    # What it learns.

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        """The learned arrays, by name. Those whose names begin with "bias" are added."""
        return {}

    def buffers(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        """Arrays that are kept with the parameters but not learned."""
        return {}

    def start(self, name: str) -> Start | None:
        """How an array starts, by its name; None for weights that their `fan_in` scales."""
        return None if self.weighted and name == "weight" else STARTS[name]

    @property
    def unlisted(self) -> bool:
        """Whether what it learns is unknown, too."""
        return False

    def fan_in(self, inputs: Sequence[Shape]) -> float:
        """How many products each sum of a weighted layer has, on average over the positions."""
        return prod(self.parameters(inputs)["weight"][1:])

    # Its channels, and what becomes of it in a what-if.

    def channel_rule(self, inputs: Sequence[Shape]) -> ChannelRule:
        """How the output's channels relate to the input's."""
        return SAME

    def with_channels(self: L, rule: ChannelRule, channels: int, start: int) -> L:
        """The layer with `channels` output channels; a slice takes them from `start` on.

        `rule` is that of the layer before the change.
        """
        return self

    def with_kernel(self: L, size: int) -> L:
        """The layer with a kernel of `size` on every axis, if it is a convolution.

        Its padding changes with the kernel so that the output keeps its size where it can.
        """
        return self

    def with_double_padding(self: L, inputs: Sequence[Shape]) -> L:
        """The layer with twice the padding on every side, if it is a convolution."""
        return self

    # How it is written.

    def argument(self, name: str) -> object:
        """The value of an argument; where it was left out and follows from others, what it is."""
        return getattr(self, name)

    def summary(self) -> str:
        """The kind with what most matters of its arguments, by which a lock knows it."""
        return self.kind

    def described(self, inputs: Sequence[Shape]) -> str:
        """The summary, and what else a table shows of the layer on these inputs."""
        return self.summary()

    def remark(self, inputs: Sequence[Shape]) -> str:
        """What it does with these inputs that may not be expected, with no subject; mostly ""."""
        return ""


class Part(Record):
    """One of the nodes that a layer becomes in a graph, of which they are one unit.

    name   what stands behind the layer's path: "softmax" in `block0.softmax`; "" for the last part,
           which has the layer's own path and makes its result
    layer  what it computes
    reads  the layer's inputs by their places, from 0; then, counted on, the parts before it
    """

    name: str
    layer: Layer
    reads: tuple[int, ...]


def parameter_count(arrays: dict[str, Shape]) -> int:
    """The number of values in some arrays."""
    return sum(prod(shape) for shape in arrays.values())


def only(inputs: Sequence[Shape]) -> Shape:
    """The one input of a layer that takes one."""
    (shape,) = inputs
    return shape


def check_axis(axis: int, shape: Shape, name: str = "axis") -> None:
    """Refuses an axis that a shape does not have; `name` is the argument's.

    >>> check_axis(2, (8, 4, 4))
    """
    if axis >= len(shape):
        raise RuleError(
            "bad-axis",
            f"{name} {axis} is none of the axes of {tuple_text(shape)}",
            name,
            [Rule(f"axes are counted from 0, the channels, to {len(shape) - 1}")],
        )


def divisible_by_groups(channels: int, groups: int, what: str) -> None:
    """Refuses channels that do not fall into equal groups."""
    if channels % groups:
        raise RuleError(
            "groups-mismatch",
            f"{channels} {what} cannot be split into {groups} equal groups",
            "groups",
            [Rule(f"{channels} / {groups} must be whole")],
        )
