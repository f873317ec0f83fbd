"""A customer portal for public bodies that never loses a citizen's answers."""
