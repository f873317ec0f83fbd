"""Published forms, for service designers: versions, their differences, and their impact on open drafts."""
