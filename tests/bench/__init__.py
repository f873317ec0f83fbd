"""What the portal costs: `make bench` measures it against a bare Flask "hello" on the same server."""
