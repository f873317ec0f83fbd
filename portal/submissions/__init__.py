"""Send a form exactly once, and show what was sent as it was sent."""
