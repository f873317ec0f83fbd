"""Judges from outside: programs that others wrote to find holes, run against a portal with the demo."""
