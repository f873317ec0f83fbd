"""The start page, and what every public body owes its visitors: privacy, cookies, accessibility, contact, help."""
