"""Ways to sample from a trained game other than one draw of the prior: functions of latents and D's logits.

A sampler takes one key per sample, and the same number of proposals for each, so the i-th sample depends on
its key alone, not on how many are drawn. From the result of a training to samples:

>>> import jax, optax
>>> import jaxgan as jg
>>> from jaxgan.sampling import langevin, logit_of, prior_of
>>> game = jg.gan(
...     jg.from_linen(jg.models.mlp.Generator(shape=(2,), widths=(8,))),
...     jg.from_linen(jg.models.mlp.Discriminator(widths=(8,))),
...     latent=jg.latents.normal(2),
...     objective=jg.objectives.non_saturating(),
... )
>>> ring = jg.Experiment(jg.alternating(game, optax.adam(1e-3), optax.adam(1e-3)), jg.load("ring"))
>>> state = jg.fit(ring, steps=2, log_every=2, bar=False).state
>>> g, d = state.generator, state.d.side
>>> keys = jg.each(jax.random.key(0), jax.numpy.arange(5))
>>> z = langevin(logit_of(game, g, d), prior_of(game, g)(keys), keys, steps=3)
>>> game.looks.decode(g, z, {}).shape
(5, 2)
"""

from jaxgan.parts.gaussian import truncated as truncated
from jaxgan.sampling.calibration import calibrated as calibrated
from jaxgan.sampling.inversion import invert as invert
from jaxgan.sampling.langevin import langevin as langevin
from jaxgan.sampling.langevin import normal_log_density as normal_log_density
from jaxgan.sampling.metropolis import metropolis as metropolis
from jaxgan.sampling.rejection import first_accepted as first_accepted
from jaxgan.sampling.rejection import log_acceptance as log_acceptance
from jaxgan.sampling.sides import logit_of as logit_of
from jaxgan.sampling.sides import prior_of as prior_of
from jaxgan.sampling.standing import standing_statistics as standing_statistics
from jaxgan.sampling.truncation import shrunk as shrunk
