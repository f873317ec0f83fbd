"""Tests of secure messages, over HTTP."""
