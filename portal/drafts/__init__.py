"""A form being filled: sections, items and their revisions, kept encrypted from the first answer."""
