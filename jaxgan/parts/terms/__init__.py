"""Penalties and auxiliary losses that are added to either player's objective."""

from jaxgan.parts.terms.adversarial import alp as alp
from jaxgan.parts.terms.bottleneck import bottleneck as bottleneck
from jaxgan.parts.terms.centring import centring as centring
from jaxgan.parts.terms.consistency import consistency as consistency
from jaxgan.parts.terms.consistency import consistency_of_fakes as consistency_of_fakes
from jaxgan.parts.terms.differences import finite_r1 as finite_r1
from jaxgan.parts.terms.differences import finite_r2 as finite_r2
from jaxgan.parts.terms.diversity import log_distances as log_distances
from jaxgan.parts.terms.diversity import mode_seeking as mode_seeking
from jaxgan.parts.terms.gradients import dragan as dragan
from jaxgan.parts.terms.gradients import dragan_normal as dragan_normal
from jaxgan.parts.terms.gradients import r1 as r1
from jaxgan.parts.terms.gradients import r2 as r2
from jaxgan.parts.terms.gradients import wgan_gp as wgan_gp
from jaxgan.parts.terms.jacobian import jacobian_clamping as jacobian_clamping
from jaxgan.parts.terms.latent_consistency import latent_consistency as latent_consistency
from jaxgan.parts.terms.latent_consistency import latent_diversity as latent_diversity
from jaxgan.parts.terms.lazy import lazily as lazily
from jaxgan.parts.terms.lecam import lecam as lecam
from jaxgan.parts.terms.path_length import path_length as path_length
from jaxgan.parts.terms.reconstruction import latent_reconstruction as latent_reconstruction
from jaxgan.parts.terms.term import Term as Term
from jaxgan.parts.terms.term import stateless as stateless
from jaxgan.parts.terms.transport import transport_cost as transport_cost
