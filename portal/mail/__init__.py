"""The e-mails that the portal writes: a function and a folder of templates for each."""
