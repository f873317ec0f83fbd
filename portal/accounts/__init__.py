"""People: roles, registering, signing in and out, passwords."""
