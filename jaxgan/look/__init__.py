"""What a trained network has learnt: analyze and diagnose."""
