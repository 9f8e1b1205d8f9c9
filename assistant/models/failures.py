"""Why one source did not deliver a model; `pulling` tries the next and makes one sentence of all."""


class SourceFailure(Exception):
    """``str(failure)`` is a clause with its own subject, without a full stop."""
