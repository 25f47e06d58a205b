"""Layers shared by several architectures: norms, attention, resampling, heads, groups of examples."""

from jaxgan.models.layers.across import MinibatchDiscrimination as MinibatchDiscrimination
from jaxgan.models.layers.across import MinibatchStd as MinibatchStd
from jaxgan.models.layers.attention import SelfAttention as SelfAttention
from jaxgan.models.layers.dropout import Dropout as Dropout
from jaxgan.models.layers.heads import Heads as Heads
from jaxgan.models.layers.heads import Logit as Logit
from jaxgan.models.layers.heads import check_labels as check_labels
from jaxgan.models.layers.heads import with_heads as with_heads
from jaxgan.models.layers.norms import NORMS as NORMS
from jaxgan.models.layers.norms import ConditionalNorm as ConditionalNorm
from jaxgan.models.layers.norms import Initializer as Initializer
from jaxgan.models.layers.norms import Norm as Norm
from jaxgan.models.layers.norms import call_layer as call_layer
from jaxgan.models.layers.norms import normalise as normalise
from jaxgan.models.layers.numbers import at_least_float32 as at_least_float32
from jaxgan.models.layers.resampling import Conv as Conv
from jaxgan.models.layers.resampling import ConvTranspose as ConvTranspose
from jaxgan.models.layers.resampling import UpConv as UpConv
from jaxgan.models.layers.resampling import split_2x2 as split_2x2
from jaxgan.models.layers.sides import doublings as doublings
from jaxgan.models.layers.sides import square_side as square_side
from jaxgan.models.layers.sides import valid_sides as valid_sides
