"""Model files: which there are, where they come from, and the finished folders that the rest of the product loads."""

from assistant.models.clip import HUB, fetch_clip_from_hub, pull_clip, verify_clip
from assistant.models.clip import NAME as CLIP
from assistant.models.needs import needed
from assistant.models.progress import Reporter, reporter_for_terminal
from assistant.models.pulling import pull
from assistant.models.store import ensure_present

__all__ = [
    "CLIP",
    "HUB",
    "Reporter",
    "ensure_present",
    "fetch_clip_from_hub",
    "needed",
    "pull",
    "pull_clip",
    "reporter_for_terminal",
    "verify_clip",
]
