"""Modules that PyTorch does not have, as source: a network that needs one has it beside it."""

from __future__ import annotations

#: By name, in an order in which each uses earlier ones only.
PARTS: dict[str, str] = {
    "PositionwiseLinear": '''
class PositionwiseLinear(nn.Linear):
    """A linear layer on the channels, which are axis 1."""

    def forward(self, x):
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)
''',
    "ChannelNorm": '''
class ChannelNorm(nn.LayerNorm):
    """Layer normalisation of the channels, which are axis 1."""

    def forward(self, x):
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)
''',
    "ChannelRMSNorm": '''
class ChannelRMSNorm(nn.RMSNorm):
    """RMS normalisation of the channels, which are axis 1."""

    def forward(self, x):
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)
''',
    "GlobalResponseNorm": '''
class GlobalResponseNorm(nn.Module):
    """Each channel times its length over the mean length of all channels."""

    def __init__(self, channels, rank=2, eps=1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels, *[1] * rank))
        self.bias = nn.Parameter(torch.zeros(channels, *[1] * rank))
        self.eps = eps

    def forward(self, x):
        length = torch.linalg.vector_norm(x, dim=tuple(range(2, x.dim())), keepdim=True)
        share = length / (length.mean(1, keepdim=True) + self.eps)
        return self.weight * (x * share) + self.bias + x
''',
    "Scale": '''
class Scale(nn.Module):
    """A learned factor for each channel, or one for all."""

    def __init__(self, channels, init=1.0, rank=2):
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels, *[1] * rank), init))

    def forward(self, x):
        return x * self.weight
''',
    "StochasticDepth": '''
class StochasticDepth(nn.Module):
    """Drops the whole branch in some of the samples while training."""

    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, x):
        if not self.training or self.p == 0:
            return x
        kept = torch.rand(len(x), *[1] * (x.dim() - 1), device=x.device) >= self.p
        return x * kept / (1 - self.p)
''',
    "LearnedConstant": '''
class LearnedConstant(nn.Module):
    """A learned array, the same for every sample of the batch that enters."""

    def __init__(self, shape):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(shape) * 0.02)

    def forward(self, x):
        return self.weight.expand(len(x), *self.weight.shape)
''',
    "FixedConstant": '''
class FixedConstant(nn.Module):
    """An array that is not learned, the same for every sample of the batch that enters."""

    def __init__(self, shape):
        super().__init__()
        self.register_buffer("value", torch.zeros(shape))

    def forward(self, x):
        return self.value.expand(len(x), *self.value.shape)
''',
    "attention": '''
def attention(query, key, value, heads):
    """Scaled dot-product attention of positions, in heads of channels, which are axis 1."""
    split = [x.flatten(2).unflatten(1, (heads, -1)).mT for x in (query, key, value)]
    result = F.scaled_dot_product_attention(*split)
    return result.mT.flatten(1, 2).reshape(len(query), -1, *query.shape[2:])
''',
    "Attention": '''
class Attention(nn.Module):
    """Attention of positions, in heads of channels, which are axis 1.

    With a window, the map of `size` is tiled by windows, shifted by `shift` or with positions that
    are `dilation` apart, and positions attend to those of their window.
    """

    def __init__(
        self,
        heads,
        size,
        window=None,
        shift=None,
        dilation=None,
        position_bias="none",
        cosine=False,
        dropout=0.0,
    ):
        super().__init__()
        self.heads, self.size, self.cosine, self.dropout = heads, size, cosine, dropout
        self.window = window or size
        pairs = zip(shift or [0] * len(size), size, self.window)
        self.shift = [0 if n == taps else by for by, n, taps in pairs]
        self.dilation = dilation or [1] * len(size)
        self.position_bias = position_bias
        if cosine:
            self.factor = nn.Parameter(torch.full((heads, 1, 1), 10.0))
        spans = [2 * taps - 1 for taps in self.window]
        if position_bias == "continuous":
            self.hidden = nn.Linear(len(size), 512)
            self.logits = nn.Linear(512, heads, bias=False)
        elif position_bias != "none":
            spans = self.window if position_bias == "distance" else spans
            self.bias = nn.Parameter(torch.zeros(heads, *spans))
        if position_bias != "none":
            axes = [torch.arange(taps) for taps in self.window]
            places = torch.stack(torch.meshgrid(*axes, indexing="ij")).flatten(1)
            offsets = places[:, :, None] - places[:, None, :]
            if position_bias == "distance":
                offsets = offsets.abs()
            else:
                offsets += torch.tensor(self.window)[:, None, None] - 1
            strides = [math.prod(spans[axis + 1 :]) for axis in range(len(size))]
            index = (offsets * torch.tensor(strides)[:, None, None]).sum(0)
            self.register_buffer("index", index, persistent=False)
        self.register_buffer("mask", self.make_mask(), persistent=False)

    def make_mask(self):
        """Minus infinity for pairs that only the shift brings into one window, or None."""
        if not any(self.shift):
            return None
        sides = torch.zeros(1, 1, *self.size)
        for axis, by in enumerate(self.shift):
            sides.movedim(2 + axis, 0)[:by] += 2**axis
        sides = self.split(sides, 1)[0, 0, :, :, 0]
        apart = sides[:, :, None] != sides[:, None, :]
        return torch.zeros(apart.shape).masked_fill(apart, float("-inf"))

    def split(self, x, heads):
        """A map as (batch, heads, windows, positions, channels of a head)."""
        axes = range(len(self.size))
        if any(self.shift):
            x = x.roll([-by for by in self.shift], [2 + axis for axis in axes])
        x = x.unflatten(1, (heads, -1))
        for axis in reversed(axes):
            x = x.unflatten(3 + axis, (-1, self.window[axis], self.dilation[axis]))
        outer = [place for axis in axes for place in (3 + 3 * axis, 5 + 3 * axis)]
        inner = [4 + 3 * axis for axis in axes]
        x = x.permute(0, 1, *outer, *inner, 2)
        return x.reshape(len(x), heads, -1, math.prod(self.window), x.shape[-1])

    def join(self, x):
        """The opposite of split."""
        axes = range(len(self.size))
        spaced = zip(self.size, self.window, self.dilation)
        counts = [number for n, taps, by in spaced for number in (n // taps // by, by)]
        x = x.reshape(*x.shape[:2], *counts, *self.window, x.shape[-1])
        last = 2 + 2 * len(self.size)
        order = [place for a in axes for place in (2 + 2 * a, last + a, 3 + 2 * a)]
        x = x.permute(0, 1, x.dim() - 1, *order)
        x = x.reshape(len(x), -1, *self.size)
        if any(self.shift):
            x = x.roll(self.shift, [2 + axis for axis in axes])
        return x

    def added(self):
        """What is added to the scores: the position bias and the mask, if there are any."""
        if self.position_bias == "none":
            return self.mask
        if self.position_bias == "continuous":
            axes = [torch.arange(1 - taps, taps) * (8 / max(taps - 1, 1)) for taps in self.window]
            far = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, -2)
            far = far.to(self.logits.weight)
            places = far.sign() * (far.abs() + 1).log2() / 3
            table = 16 * self.logits(F.relu(self.hidden(places))).sigmoid().T
        else:
            table = self.bias.flatten(1)
        bias = table[:, self.index][:, None]
        return bias if self.mask is None else bias + self.mask

    def forward(self, query, key, value):
        query, key, value = (self.split(x, self.heads) for x in (query, key, value))
        scale = None
        if self.cosine:
            query = F.normalize(query, dim=-1) * self.factor[:, None]
            key = F.normalize(key, dim=-1)
            scale = 1.0
        dropout = self.dropout if self.training else 0.0
        result = F.scaled_dot_product_attention(
            query, key, value, attn_mask=self.added(), dropout_p=dropout, scale=scale
        )
        return self.join(result)
''',
}


def _conv_lstm(rank: int) -> str:
    return f'''
class ConvLSTM{rank}d(nn.Module):
    """Long short-term memory of a sequence of maps, (batch, channels, steps, *size)."""

    def __init__(
        self, in_channels, channels, kernel_size, stride=1, padding=0, dilation=1, bias=True
    ):
        super().__init__()
        gates = 4 * channels
        self.input = nn.Conv{rank}d(
            in_channels, gates, kernel_size, stride, padding, dilation, bias=False
        )
        self.state = nn.Conv{rank}d(channels, gates, kernel_size, padding="same", bias=bias)

    def forward(self, x):
        states = []
        state = cell = None
        for step in x.unbind(2):
            gates = self.input(step)
            if state is None:
                state = cell = torch.zeros_like(gates[:, : gates.shape[1] // 4])
            i, f, g, o = (gates + self.state(state)).chunk(4, 1)
            cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
            state = o.sigmoid() * cell.tanh()
            states.append(state)
        return torch.stack(states, 2)
'''


PARTS |= {f"ConvLSTM{rank}d": _conv_lstm(rank) for rank in (1, 2, 3)}
