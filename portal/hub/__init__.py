"""The staff side: what was sent, and each case with its answers as they were sent."""
