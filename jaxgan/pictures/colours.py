"""The colours and dashes of charts."""

INK, FAINT = "#1f2328", "#c9ced6"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Distinct to the colour-blind too, on white and black (Okabe & Ito, 2008). A page has variables for them."""

DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (6, 1, 1, 1)), (0, (9, 2)), (0, (6, 1, 1, 1, 1, 1)))

VARIABLES = {INK: "--ink", FAINT: "--faint", **{x: f"--c{n}" for n, x in enumerate(COLOURS)}}
