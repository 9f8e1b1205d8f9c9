"""Holding answers to what was expected of them, and measuring them. Nothing here asks a model or changes anything."""
