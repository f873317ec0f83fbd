"""Random forms that nobody wrote: published, filled, sent, and judged by a second, independent set of rules."""
