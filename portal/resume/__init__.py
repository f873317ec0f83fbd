"""Save and resume: mailed links, a guest's code, reference and return code."""
