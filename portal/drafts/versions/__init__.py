"""A draft meets a newer version of its form."""
