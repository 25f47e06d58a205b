"""Whether generated examples help a classifier of few real ones."""
