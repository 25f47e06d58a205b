"""A discriminator of random codes, for the variational bottleneck (Peng et al., 2019)."""

import flax.linen as nn
import jax

from jaxgan.models.layers import GaussianCode, Logit, at_least_float32
from jaxgan.parts.output import Output

Array = jax.Array


class Discriminator(nn.Module):
    """x -> trunk(x) [B, ...] -> code [B, size] -> logits [B], with heads "mean" and "deviation" of the code.

    In training the code is drawn, for both players, as in the authors' code; otherwise it is its mean. The
    term `jg.terms.bottleneck` bounds what it says about x.

    >>> d = Discriminator(nn.Sequential([nn.Dense(16), nn.relu]), size=8)
    >>> output, _ = d.init_with_output(jax.random.key(0), jax.numpy.ones((4, 2)))
    >>> output.logit.shape, output.heads["mean"].shape, output.heads["deviation"].shape
    ((4,), (4, 8), (4, 8))
    """

    trunk: nn.Module
    size: int = 256
    classes: int = 0

    @nn.compact
    def __call__(
        self, x: Array, label: Array | None = None, *, key: Array | None = None, train: bool = False
    ) -> Output:
        h = at_least_float32(self.trunk(x))
        code, mean, deviation = GaussianCode(self.size)(h.reshape(h.shape[0], -1), key, train)
        logit = Logit(self.classes)(code, label, train)
        return Output(logit, {"mean": mean, "deviation": deviation})
