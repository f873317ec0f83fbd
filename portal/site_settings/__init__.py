"""What a site administrator decides while the portal runs: declared in one table, read as a typed snapshot."""
