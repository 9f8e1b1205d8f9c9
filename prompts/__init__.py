"""Prompts as versioned files, rendered by a strict loader."""
