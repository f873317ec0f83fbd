"""Drafts: forms being filled in, with their sections, items and revisions, encrypted from the first answer."""
