"""The published versions of a form: stored for ever and compared."""
