"""The start page, My Requests, and the public pages: privacy, cookies, accessibility, contact, help."""
