"""One session engine for every kind of session; a kind is a row of policy, never a branch in the code."""
