"""Why one source did not deliver a model; `pulling` tries the next and makes one sentence of all."""


class SourceFailure(Exception):  # noqa: N818 - it is an outcome, not the end
    """``str(failure)`` is a clause with its own subject, without a full stop."""
