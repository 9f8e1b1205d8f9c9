"""The small shop with the real encoders, and a scripted language model."""

from tests.integration.bad_input.conftest import model, own_data, shop_data, shop_file

__all__ = ["model", "own_data", "shop_data", "shop_file"]
