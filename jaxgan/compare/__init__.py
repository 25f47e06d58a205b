"""Methods over their training seeds: intervals, differences, tables."""
