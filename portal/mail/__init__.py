"""The mails that the portal writes: one function a message, one folder of templates a message."""
