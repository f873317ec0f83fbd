"""Secure messages: threads in which a customer and our staff write to each other, on a session of their own."""
