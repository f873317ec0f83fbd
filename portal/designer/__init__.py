"""Published forms for those who answer for them: versions, what changed, and what that does to open drafts."""
