"""Catalogue files into the store: reading, checking, embedding, and doing only what has changed."""

from assistant.ingest.check import Column, FileCheck, check
from assistant.ingest.encoding import Embedding, Encoders
from assistant.ingest.files import UnknownColumns
from assistant.ingest.pipeline import IngestOptions, ingest, reindex
from assistant.ingest.progress import Advance, Progress, SilentProgress, progress_for_terminal
from assistant.ingest.report import IngestSummary, Rejection

__all__ = [
    "Advance",
    "Column",
    "Embedding",
    "Encoders",
    "FileCheck",
    "IngestOptions",
    "IngestSummary",
    "Progress",
    "Rejection",
    "SilentProgress",
    "UnknownColumns",
    "check",
    "ingest",
    "progress_for_terminal",
    "reindex",
]
