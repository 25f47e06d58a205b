"""What a run leaves on disk: options, manifest, rows, checkpoints, locks, weights."""
