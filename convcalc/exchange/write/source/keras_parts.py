"""What Keras does not have, as source: a network that needs some of it has it beside it."""

from __future__ import annotations

#: By name.
PARTS: dict[str, str] = {
    "Scale": '''
class Scale(layers.Layer):
    """A learned factor for each channel, or one for all."""

    def __init__(self, init=1.0, per_channel=True, **options):
        super().__init__(**options)
        self.init, self.per_channel = init, per_channel

    def build(self, shape):
        size = shape[-1] if self.per_channel else 1
        start = keras.initializers.Constant(self.init)
        self.factor = self.add_weight(shape=(size,), initializer=start)

    def call(self, x):
        return x * self.factor
''',
    "GlobalResponseNormalization": '''
class GlobalResponseNormalization(layers.Layer):
    """Each channel times its length over the mean length of all channels."""

    def __init__(self, epsilon=1e-6, **options):
        super().__init__(**options)
        self.epsilon = epsilon

    def build(self, shape):
        self.gamma = self.add_weight(shape=(shape[-1],), initializer="zeros")
        self.beta = self.add_weight(shape=(shape[-1],), initializer="zeros")

    def call(self, x):
        axes = tuple(range(1, len(x.shape) - 1))
        length = ops.sqrt(ops.sum(ops.square(x), axes, keepdims=True))
        share = length / (ops.mean(length, -1, keepdims=True) + self.epsilon)
        return self.gamma * (x * share) + self.beta + x
''',
    "Constant": '''
class Constant(layers.Layer):
    """An array that is the same for every sample of the batch that enters."""

    def __init__(self, shape, learned=True, **options):
        super().__init__(**options)
        self.shape, self.learned = shape, learned

    def build(self, shape):
        self.value = self.add_weight(shape=self.shape, trainable=self.learned)

    def call(self, x):
        return ops.repeat(self.value[None], ops.shape(x)[0], 0)
''',
    "attention": '''
def attention(query, key, value, heads):
    """Scaled dot-product attention of positions, in heads of channels."""
    size, channels = query.shape[1:-1], value.shape[-1]
    query, key, value = (
        layers.Reshape((-1, heads, x.shape[-1] // heads))(x) for x in (query, key, value)
    )
    scores = ops.einsum("bqhd,bkhd->bhqk", query, key) * query.shape[-1] ** -0.5
    x = ops.einsum("bhqk,bkhd->bqhd", ops.softmax(scores), value)
    return layers.Reshape((*size, channels))(x)
''',
    "reshape": '''
def reshape(x, shape):
    """Values in another shape, both with the channels first in order."""
    x = ops.reshape(ops.moveaxis(x, -1, 1), (-1, *shape))
    return ops.moveaxis(x, 1, -1)
''',
    "channel_shuffle": '''
def channel_shuffle(x, groups):
    """Deals the channels of groups, one of each in turn."""
    *size, channels = x.shape[1:]
    x = layers.Reshape((*size, groups, channels // groups))(x)
    x = ops.swapaxes(x, -1, -2)
    return layers.Reshape((*size, channels))(x)
''',
    "pixel_shuffle": '''
def pixel_shuffle(x, factor):
    """Channels become positions."""
    height, width, channels = x.shape[1:]
    x = layers.Reshape((height, width, channels // factor**2, factor, factor))(x)
    x = ops.transpose(x, (0, 1, 4, 2, 5, 3))
    return layers.Reshape((height * factor, width * factor, channels // factor**2))(x)
''',
    "pixel_unshuffle": '''
def pixel_unshuffle(x, factor):
    """Positions become channels."""
    height, width, channels = x.shape[1:]
    x = layers.Reshape((height // factor, factor, width // factor, factor, channels))(x)
    x = ops.transpose(x, (0, 1, 3, 5, 2, 4))
    return layers.Reshape((height // factor, width // factor, channels * factor**2))(x)
''',
}
