"""Look-ups: ask our address register or another service, safely, for results to choose from."""
