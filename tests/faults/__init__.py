"""A portal that is killed again and again while many people use it badly, and races between processes."""
