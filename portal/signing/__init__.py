"""Signatures: a second person reads what somebody sent, and signs it, on a session of their own."""
