"""The language model: where it is (profiles), the server we manage (server) and how it is asked (client)."""
