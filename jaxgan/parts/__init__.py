"""The parts that games are made of. Modules that scripts name, such as `jaxgan.terms`, load on first use."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["augmentations", "conditioning", "gaussian", "heads", "latents", "objectives", "terms"],
)
