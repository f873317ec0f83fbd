"""The format of a form definition: read it and name every fault, write it, describe it."""
