"""Counts as Flower sends them."""

from flwr.app import Array, ArrayRecord, RecordDict

from .counts import SharedCounts

RECORD = "counts"


def record_of(counts: SharedCounts) -> RecordDict:
    """The content of a message."""
    return RecordDict({RECORD: ArrayRecord({name: Array(array) for name, array in counts.arrays().items()})})


def counts_of(content: RecordDict) -> SharedCounts:
    """The counts of a message.

    Raises:
        ValueError: it holds none.
    """
    record = content.array_records.get(RECORD)
    if record is None:
        raise ValueError("The message holds no counts.")
    return SharedCounts.of_arrays({name: array.numpy() for name, array in record.items()})
