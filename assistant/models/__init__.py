"""Model files: which there are, where they come from, and the finished folders that the rest of the product loads."""

from assistant.models.needs import needed
from assistant.models.store import ensure_present

__all__ = ["ensure_present", "needed"]
