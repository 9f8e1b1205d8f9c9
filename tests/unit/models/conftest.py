"""Fixtures of the model tests; the made-up model itself stands in tests/fakes."""

from ...fakes.toy_model import pip_finds, settings_for, shelf

__all__ = ["pip_finds", "settings_for", "shelf"]
