"""What examples of each kind are measured by.

A kind of your own is measured by a function that a script registers:

    @jg.measures.register
    def _(kind: Angle, reference):
        return jg.Measures([("features", metric(reference.seen.features))])

The function `of_features` of `jaxgan.evaluate.features` says what can be said of any features:

    jg.measures.register(Angle, lambda kind, reference: of_features(reference))
"""

from functools import singledispatch

from jaxgan.data.kind import Image, Kind, Numbers, Points, Table, Video, Wave, unregistered
from jaxgan.data.source import Source
from jaxgan.evaluate.extractor import Extractor, raw
from jaxgan.evaluate.features import Measures, Reference, of_features
from jaxgan.evaluate.images import of_images
from jaxgan.evaluate.local import local
from jaxgan.evaluate.points import of_points


@singledispatch
def measures(kind: Kind, reference: Reference) -> Measures:
    """What examples of a kind are measured by, against these real ones.

    >>> from jaxgan.data import load
    >>> from jaxgan.data.source import labelled
    >>> ring = load("ring")
    >>> held = Reference(ring, None, labelled(ring, 100), raw(), n=100, classes=0)
    >>> len(measures(ring.kind, held).metrics)
    3
    """
    raise unregistered("measures", kind, "jaxgan.measures")


@singledispatch
def usual_extractor(kind: Kind, source: Source) -> Extractor:
    """What examples of a kind are seen through unless another is asked for: as they are, by default.

    >>> from jaxgan.data import load
    >>> ring = load("ring")
    >>> usual_extractor(ring.kind, ring).name
    'raw'
    """
    return raw()


measures.register(Image, lambda kind, reference: of_images(reference))
measures.register(Points, lambda kind, reference: of_points(reference))
for _kind in (Table, Wave, Video, Numbers):
    measures.register(_kind, lambda kind, reference: of_features(reference))
usual_extractor.register(Image, lambda kind, source: local(source))
