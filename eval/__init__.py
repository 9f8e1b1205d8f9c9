"""Measurements over the public interfaces."""
