"""What a trained generator is worth: features of its samples held against those of real examples."""
