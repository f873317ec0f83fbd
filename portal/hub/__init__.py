"""The staff side: the work list, cases with the answers that were sent, and customers."""
