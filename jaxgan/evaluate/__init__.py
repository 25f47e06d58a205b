"""Evaluation of a trained generator: features of its samples compared with features of real examples."""
