"""Suites of scripted conversations: their format, validation, attachments and catalogues. See docs/evaluation.md."""
