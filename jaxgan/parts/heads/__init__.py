"""Heads of D: what D is asked for besides real or fake, with both players' losses.

A function such as `auxiliary_classifier(10)` returns a `Task`: the heads that D needs, and terms for D and G.
"""

from jaxgan.parts.heads.classifiers import auxiliary_classifier as auxiliary_classifier
from jaxgan.parts.heads.classifiers import discriminative_classifier as discriminative_classifier
from jaxgan.parts.heads.classifiers import twin_classifiers as twin_classifiers
from jaxgan.parts.heads.codes import codes as codes
from jaxgan.parts.heads.contrastive import contrastive as contrastive
from jaxgan.parts.heads.contrastive import data_to_data as data_to_data
from jaxgan.parts.heads.logits import any_class as any_class
from jaxgan.parts.heads.logits import own_class as own_class
from jaxgan.parts.heads.logits import with_logit as with_logit
from jaxgan.parts.heads.rotation import rotation as rotation
from jaxgan.parts.heads.semi_supervised import semi_supervised as semi_supervised
from jaxgan.parts.heads.task import Task as Task
