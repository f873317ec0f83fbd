"""The format of a form definition: reading it with named faults, and writing it out again."""
