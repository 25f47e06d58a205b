"""Penalties and auxiliary losses that are added to either player's objective."""

from jaxgan.parts.terms.consistency import consistency as consistency
from jaxgan.parts.terms.consistency import consistency_of_fakes as consistency_of_fakes
from jaxgan.parts.terms.generators import told_apart as told_apart
from jaxgan.parts.terms.gradients import dragan as dragan
from jaxgan.parts.terms.gradients import r1 as r1
from jaxgan.parts.terms.gradients import r2 as r2
from jaxgan.parts.terms.gradients import wgan_gp as wgan_gp
from jaxgan.parts.terms.lazy import lazily as lazily
from jaxgan.parts.terms.term import Term as Term
from jaxgan.parts.terms.term import stateless as stateless
