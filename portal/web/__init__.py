"""What every view may use, whatever its feature."""
