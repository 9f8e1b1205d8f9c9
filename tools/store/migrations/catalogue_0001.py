"""The tables as they were when the catalogue was first shared; `tools.store.replica` makes them."""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Nothing was there before."""
