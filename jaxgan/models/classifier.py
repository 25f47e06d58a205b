"""A small convolutional classifier, whose features serve data without a pretrained network."""

from flax import linen as nn
from jax import Array


class Classifier(nn.Module):
    """Images [n, H, W, C] -> features [n, 64] and logits [n, classes].

    3x3 convolutions, each followed by 2x2 average pooling, until the side is 2 px or less. The features are a
    dense layer before its activation, which is closer to normal than after it.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> images = jnp.zeros((2, 8, 8, 1))
    >>> variables = Classifier(10).init(jax.random.key(0), images)
    >>> [x.shape for x in Classifier(10).apply(variables, images)]
    [(2, 64), (2, 10)]
    """

    classes: int
    width: int = 16
    features: int = 64

    @nn.compact
    def __call__(self, x: Array) -> tuple[Array, Array]:
        width = self.width
        while min(x.shape[1:3]) > 2 or width == self.width:  # at least one convolution
            x = nn.relu(nn.Conv(width, (3, 3))(x))
            if min(x.shape[1:3]) > 1:
                x = nn.avg_pool(x, (2, 2), (2, 2))
            width = min(2 * width, 4 * self.width)
        features = nn.Dense(self.features)(x.reshape(x.shape[0], -1))
        return features, nn.Dense(self.classes)(nn.relu(features))
