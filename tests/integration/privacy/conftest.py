"""The service over a small catalogue, as the doors' tests have it."""

from tests.integration.service.doors.conftest import ears, engines, model, serve, served

__all__ = ["ears", "engines", "model", "serve", "served"]
