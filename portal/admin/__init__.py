"""What site administrators see and change."""
