"""The agent that answers a message."""
