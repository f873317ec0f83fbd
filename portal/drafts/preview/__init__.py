"""What a form will ask, before it is begun."""
