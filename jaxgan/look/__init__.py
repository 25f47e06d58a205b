"""Looks at trained networks: `jaxgan analyze` and `jaxgan diagnose`."""
