"""Form definitions: what a form asks, read from YAML or JSON, judged by rules, and shown through WTForms."""
