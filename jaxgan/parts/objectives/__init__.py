"""Adversarial losses of the discriminator's output on real and fake examples: one number per example."""

from jaxgan.parts.objectives import divergences as divergences
from jaxgan.parts.objectives import margins as margins
from jaxgan.parts.objectives.boundary import boundary_seeking as boundary_seeking
from jaxgan.parts.objectives.boundary import boundary_weights as boundary_weights
from jaxgan.parts.objectives.classical import hinge as hinge
from jaxgan.parts.objectives.classical import least_squares as least_squares
from jaxgan.parts.objectives.classical import minimax as minimax
from jaxgan.parts.objectives.classical import non_saturating as non_saturating
from jaxgan.parts.objectives.classical import wasserstein as wasserstein
from jaxgan.parts.objectives.energy import began as began
from jaxgan.parts.objectives.energy import ebgan as ebgan
from jaxgan.parts.objectives.f_gan import f_gan as f_gan
from jaxgan.parts.objectives.fisher import fisher as fisher
from jaxgan.parts.objectives.loss_sensitive import loss_sensitive as loss_sensitive
from jaxgan.parts.objectives.multi_hinge import multi_hinge as multi_hinge
from jaxgan.parts.objectives.objective import Objective as Objective
from jaxgan.parts.objectives.pairs import relativistic as relativistic
from jaxgan.parts.objectives.pairs import relativistic_average as relativistic_average
from jaxgan.parts.objectives.pairs import relativistic_centred as relativistic_centred
from jaxgan.parts.objectives.partition import dual_contrastive as dual_contrastive
from jaxgan.parts.objectives.partition import softmax_gan as softmax_gan
