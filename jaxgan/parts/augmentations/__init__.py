"""Differentiable augmentations of D's inputs, for training on few examples.

An augmentation maps (key, image [H, W, C]) to an image of the same shape; each example has its own key.
`gan(augment=...)` applies it to real and generated images in both losses (Zhao et al., 2020): if only real
ones were augmented, G would learn to generate augmented images. Sizes are fractions of the sides, and empty
pixels are 0, the middle of [-1, 1].
"""

from jaxgan.parts.augmentations import tones as tones
from jaxgan.parts.augmentations import warps as warps
from jaxgan.parts.augmentations.ada import ada as ada
from jaxgan.parts.augmentations.ada import bgc as bgc
from jaxgan.parts.augmentations.ada import blit as blit
from jaxgan.parts.augmentations.ada import colour as colour
from jaxgan.parts.augmentations.ada import geometry as geometry
from jaxgan.parts.augmentations.adaptive import Adaptive as Adaptive
from jaxgan.parts.augmentations.adaptive import adaptive as adaptive
from jaxgan.parts.augmentations.augmentation import Augmentation as Augmentation
from jaxgan.parts.augmentations.augmentation import chain as chain
from jaxgan.parts.augmentations.augmentation import constant as constant
from jaxgan.parts.augmentations.augmentation import scheduled as scheduled
from jaxgan.parts.augmentations.augmentation import sometimes as sometimes
from jaxgan.parts.augmentations.augmentation import unchanged as unchanged
from jaxgan.parts.augmentations.bands import bands as bands
from jaxgan.parts.augmentations.colours import brightness as brightness
from jaxgan.parts.augmentations.colours import contrast as contrast
from jaxgan.parts.augmentations.colours import saturation as saturation
from jaxgan.parts.augmentations.deception import Deception as Deception
from jaxgan.parts.augmentations.deception import apa as apa
from jaxgan.parts.augmentations.deception import as_deception as as_deception
from jaxgan.parts.augmentations.diffaugment import diffaugment as diffaugment
from jaxgan.parts.augmentations.levels import level_noise as level_noise
from jaxgan.parts.augmentations.levels import noise_amounts as noise_amounts
from jaxgan.parts.augmentations.levels import per_level as per_level
from jaxgan.parts.augmentations.noise import noise as noise
from jaxgan.parts.augmentations.places import cutout as cutout
from jaxgan.parts.augmentations.places import flip as flip
from jaxgan.parts.augmentations.places import quarter_turn as quarter_turn
from jaxgan.parts.augmentations.places import shift as shift
from jaxgan.parts.augmentations.places import translation as translation
