"""Every error that `tools` raises on purpose.

    ProductError            anything a person or a program should be told in one sentence
    ├── BadInput            the caller gave something unusable (exit code 2, HTTP 4xx)
    │   ├── MediaError      a picture or a recording that cannot be read or breaks a limit
    │   ├── UnknownItem     an item id that the catalogue does not hold
    │   └── UnknownTool     a name that no tool has
    ├── ToolFailure         a tool could not do its work; the model sees the message and the turn goes on
    ├── StoreError          the catalogue's files are damaged, locked or full
    │   ├── CatalogueBusy   another process is writing to it
    │   ├── IndexAway       the server with its vector index does not answer; it may again in a moment
    │   └── EncoderMismatch the catalogue was indexed by another encoder than the one at hand
    └── ServiceMissing      something that must be there is not (exit code 3); says the command that mends it
        └── ServerMissing   a server that does not answer as wanted, and may again in a moment

Errors of other libraries are translated where they enter, with ``raise ... from exc``.
"""

from typing import ClassVar


class ProductError(Exception):
    """Base of all expected errors; ``str(error)`` is one clear sentence without a traceback."""

    exit_code: ClassVar[int] = 2


class BadInput(ProductError):
    """The caller's input is unusable as it is."""


class MediaError(BadInput):
    """A picture or recording that cannot be read, is not what its name says, or breaks a limit."""


class UnknownItem(BadInput):
    """An item id that the catalogue does not hold."""


class UnknownTool(BadInput):
    """A name that no tool has."""


class ToolFailure(ProductError):
    """A tool could not do its work; shown to the model as an observation."""


class StoreError(ProductError):
    """The catalogue's files cannot be read or written."""

    exit_code = 3


class CatalogueBusy(StoreError):
    """Another process is writing to the catalogue."""


class IndexAway(StoreError):
    """The server with the vector index does not answer; it may again in a moment, so searches go on with less."""


class EncoderMismatch(StoreError):
    """The catalogue's vectors were made by another encoder or preprocessing."""


class ServiceMissing(ProductError):
    """A model file, an environment or a server that is needed is not there."""

    exit_code = 3


class ServerMissing(ServiceMissing):
    """A server does not answer, or not as wanted; it may again in a moment, so work goes on with less."""
