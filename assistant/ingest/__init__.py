"""Catalogue files into the store: reading, checking, embedding, and doing only what has changed."""

from assistant.ingest.check import FileCheck, check
from assistant.ingest.encoding import Encoders
from assistant.ingest.pipeline import IngestOptions, ingest, reindex
from assistant.ingest.progress import Progress, SilentProgress, progress_for_terminal
from assistant.ingest.report import IngestSummary, Rejection

__all__ = [
    "Encoders",
    "FileCheck",
    "IngestOptions",
    "IngestSummary",
    "Progress",
    "Rejection",
    "SilentProgress",
    "check",
    "ingest",
    "progress_for_terminal",
    "reindex",
]
