"""The catalogue over the Universal Commerce Protocol (https://ucp.dev, version 2026-08-25): reading alone."""
