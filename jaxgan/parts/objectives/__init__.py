"""Adversarial losses of the discriminator's output on real and fake examples: one number per example."""

from jaxgan.parts.objectives.classical import hinge as hinge
from jaxgan.parts.objectives.classical import least_squares as least_squares
from jaxgan.parts.objectives.classical import minimax as minimax
from jaxgan.parts.objectives.classical import non_saturating as non_saturating
from jaxgan.parts.objectives.classical import wasserstein as wasserstein
from jaxgan.parts.objectives.dual import fake_rewarded as fake_rewarded
from jaxgan.parts.objectives.dual import real_rewarded as real_rewarded
from jaxgan.parts.objectives.generators import which_generator as which_generator
from jaxgan.parts.objectives.objective import Objective as Objective
from jaxgan.parts.objectives.pairs import relativistic as relativistic
from jaxgan.parts.objectives.pairs import relativistic_average as relativistic_average
from jaxgan.parts.objectives.ratio import log_ratio as log_ratio
from jaxgan.parts.objectives.swapped import swapped as swapped
