"""Running the portal: starting, working in the background, bringing the database up to date, the demo."""
