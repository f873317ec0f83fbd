"""What waits in our own database to go out: kept with its cause, leased, retried, never lost."""
