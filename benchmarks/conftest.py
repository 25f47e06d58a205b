"""The twins need PyTorch, of the extra `bench`: without it their examples, and no others, are left out."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("torch") else ["twins.py", "twin_networks.py"]
