"""The HTTP service: sessions and messages, catalogue, tools, and the doors for other programs."""
