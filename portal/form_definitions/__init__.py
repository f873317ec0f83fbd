"""Forms as data: what a form asks, read from YAML or JSON, judged by rules, shown through WTForms."""
