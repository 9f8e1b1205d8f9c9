"""Short built-in tasks that show which steps of a turn a language model is able to do."""

from assistant.probe.run import probe
from assistant.probe.tasks import load_tasks

__all__ = ["load_tasks", "probe"]
