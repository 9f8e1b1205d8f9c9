"""Fusion weights learned from what was shown and pressed: fitting, off-policy evaluation, and putting them in force.

docs/fusion.md has the methods, their sources and what they measured.
"""
