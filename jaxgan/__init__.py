"""jaxgan: a functional JAX framework for research on generative adversarial networks.

The public names are listed in `__init__.pyi`; each is loaded when it is first used, so `import jaxgan` is
instant and a script's `--help` does not wait for JAX.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
