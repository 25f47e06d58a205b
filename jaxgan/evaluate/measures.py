"""The metrics and the default extractor of each kind of example.

A script registers the metrics of a kind of its own:

    @jg.measures.register
    def _(kind: Angle, reference):
        return jg.Measures([("features", metric(reference.outputs.features))])

The function `of_features` of `jaxgan.evaluate.features` has the metrics that need features only:

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
    """Returns the metrics of examples of a kind, compared with these real ones.

    >>> from jaxgan.data import load
    >>> from jaxgan.data.source import labelled
    >>> ring = load("ring")
    >>> reference = Reference(ring, None, labelled(ring, 100), raw(), n=100, classes=0)
    >>> len(measures(ring.kind, reference).metrics)
    3
    """
    raise unregistered("measures", kind, "jaxgan.measures")


@singledispatch
def usual_extractor(kind: Kind, source: Source) -> Extractor:
    """Returns the default extractor of a kind: `local` for images, `raw` for any other.

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
