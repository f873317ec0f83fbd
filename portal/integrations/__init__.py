"""Look-ups: asking a register or somebody else's service, safely, with a few answers to choose a result from."""
