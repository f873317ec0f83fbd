"""Forms that nobody wrote: made at random, published, filled and sent, and judged by rules written a second time."""
