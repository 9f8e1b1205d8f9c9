"""What the catalogue asks of its vector index. SQLite holds the vectors; an index is derived and can be made anew.

To serve another vector store, write a class with these methods and name it in `tools.store.catalogue.Catalogue.open`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from tools.errors import StoreError

if TYPE_CHECKING:
    from tools.store.index_process import IndexProcess

Notify = Callable[[str], None]


class IndexFailedError(Exception):
    """The index failed; the index is rebuilt once, and a second failure becomes a `StoreError`."""


class VectorIndex(Protocol):
    """Nearest neighbours by cosine for every space of one catalogue; safe for many threads.

    A *place* is one vector's name within a space; ``seq`` numbers the changes of the catalogue.
    """

    def applied(self, space: str, catalogue: str, encoder: int) -> int:
        """Open the index if need be; up to which ``seq`` it knows the space of this catalogue and encoder, else 0.

        Raises:
            IndexAway: the server with the index does not answer.
            StoreError: the index can't be opened nor built.
        """

    def query(
        self, space: str, vector: NDArray[np.float32], n: int, places: Sequence[str] | None
    ) -> list[tuple[str, float]]:
        """The n places nearest to the vector, as (place, cosine), best first; only among ``places`` when given.

        Raises:
            IndexAway: the server with the index does not answer.
            IndexFailedError: the index failed, or knows nothing of one of the places.
        """

    def follow(self) -> None:
        """Bring every space up to the present state of the catalogue. Errors as of `applied`."""

    def start_process(self) -> "IndexProcess | None":
        """A process that can `follow` in place of this one, which goes on meanwhile; None where that is no use.

        Raises:
            ProcessEndedError: it cannot be started.
        """

    def prepare(self, encoders: Mapping[str, int]) -> None:
        """Index vectors of other encoders beside those in use, so that `follow` finds them ready. Errors as above."""

    def rebuild(self, reason: IndexFailedError) -> None:
        """Make the index anew, once for all threads that failed. Errors as above."""

    def unrecoverable(self, exc: IndexFailedError) -> StoreError:
        """What to tell when even an index made anew fails."""

    def drop(self) -> None:
        """Delete what the index has stored elsewhere than in the catalogue's folder."""

    def close(self) -> None:
        """Let go of files and connections."""
