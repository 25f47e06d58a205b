"""What a recipe is made of. The rooms that scripts name, `jaxgan.terms` say, are loaded when first used."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=["augmentations", "conditioning", "latents", "objectives", "terms"]
)
