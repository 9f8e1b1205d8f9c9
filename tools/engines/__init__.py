"""Encoders and speech recognition, each behind a small interface; libraries and weights are loaded on first use."""
