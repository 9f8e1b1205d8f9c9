"""Interaction files into the event store: who did what with which item, and when."""

from assistant.interactions.pipeline import InteractionOptions, InteractionSummary, ingest, unknown_items

__all__ = ["InteractionOptions", "InteractionSummary", "ingest", "unknown_items"]
