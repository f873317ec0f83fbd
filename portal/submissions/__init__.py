"""Sending a form exactly once, and showing what was sent as it was sent."""
