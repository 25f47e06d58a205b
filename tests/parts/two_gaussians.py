"""Integrals over the densities of P = N(M, 1) and Q = N(0, 1)."""

import math

import numpy as np

M = 0.9


def quadrature():
    """Points, weights and both densities: Gauss-Legendre on either side of the point where p = q."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    sides = [(-10.0, M / 2), (M / 2, M + 10.0)]
    x = np.concatenate([(a + b) / 2 + (b - a) / 2 * nodes for a, b in sides])
    weights = np.concatenate([(b - a) / 2 * weights for a, b in sides])
    p, q = (np.exp(-((x - mean) ** 2) / 2) / math.sqrt(2 * math.pi) for mean in (M, 0.0))
    return x, weights, p, q
