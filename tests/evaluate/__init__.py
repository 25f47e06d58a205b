"""A package, so that its test_inception.py is not taken for that of the models."""
