"""Model files: which there are, where they come from, and the finished folders that the rest of the product loads."""

from assistant.models.needs import needed
from assistant.models.progress import Reporter, reporter_for_terminal
from assistant.models.pulling import pull
from assistant.models.store import ensure_present

__all__ = ["Reporter", "ensure_present", "needed", "pull", "reporter_for_terminal"]
