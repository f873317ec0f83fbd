"""Files that people send: judged, encrypted, scanned, kept behind a port of four methods, and deleted for certain."""
