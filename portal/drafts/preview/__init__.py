"""What a form will ask, shown before anybody starts it."""
