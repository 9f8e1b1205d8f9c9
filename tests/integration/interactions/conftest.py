"""The command line over an empty data folder."""

from tests.integration.bad_input.conftest import cli

__all__ = ["cli"]
