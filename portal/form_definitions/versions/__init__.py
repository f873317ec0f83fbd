"""The versions of a form: stored for ever, compared, and carried along."""
