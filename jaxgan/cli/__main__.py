"""`python -m jaxgan.cli`, the same as `jaxgan`."""

from jaxgan.cli import main

main()
