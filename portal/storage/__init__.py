"""Uploaded files: judged, encrypted, scanned, kept in a storage of four methods, and deleted for certain."""
