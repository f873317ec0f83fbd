"""What happens to a draft when a newer version of its form is published."""
