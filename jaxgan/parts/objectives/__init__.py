"""Adversarial losses of the discriminator's output on real and fake examples: one number per example."""

from jaxgan.parts.objectives import kernels as kernels
from jaxgan.parts.objectives import transport as transport
from jaxgan.parts.objectives.classical import hinge as hinge
from jaxgan.parts.objectives.classical import least_squares as least_squares
from jaxgan.parts.objectives.classical import minimax as minimax
from jaxgan.parts.objectives.classical import non_saturating as non_saturating
from jaxgan.parts.objectives.classical import wasserstein as wasserstein
from jaxgan.parts.objectives.cramer import cramer as cramer
from jaxgan.parts.objectives.mmd import mmd as mmd
from jaxgan.parts.objectives.mmd import repulsive_mmd as repulsive_mmd
from jaxgan.parts.objectives.objective import Objective as Objective
from jaxgan.parts.objectives.pairs import relativistic as relativistic
from jaxgan.parts.objectives.pairs import relativistic_average as relativistic_average
from jaxgan.parts.objectives.realness import Anchors as Anchors
from jaxgan.parts.objectives.realness import realness as realness
from jaxgan.parts.objectives.realness import realness_anchors as realness_anchors
from jaxgan.parts.objectives.sinkhorn import ot as ot
from jaxgan.parts.objectives.sinkhorn import sinkhorn as sinkhorn
from jaxgan.parts.objectives.sliced import sliced_wasserstein as sliced_wasserstein
from jaxgan.parts.objectives.top_k import top_k as top_k
