"""Adversarial losses of the discriminator's output on real and fake examples: one number per example."""

from jaxgan.parts.objectives.classical import hinge as hinge
from jaxgan.parts.objectives.classical import least_squares as least_squares
from jaxgan.parts.objectives.classical import minimax as minimax
from jaxgan.parts.objectives.classical import non_saturating as non_saturating
from jaxgan.parts.objectives.classical import wasserstein as wasserstein
from jaxgan.parts.objectives.multi_hinge import multi_hinge as multi_hinge
from jaxgan.parts.objectives.objective import Objective as Objective
from jaxgan.parts.objectives.pairs import relativistic as relativistic
from jaxgan.parts.objectives.pairs import relativistic_average as relativistic_average
