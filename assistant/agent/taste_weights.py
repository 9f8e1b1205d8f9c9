"""How much each source of taste counts in a turn, by what the user gave and by how much is known of them.

The table scales the weights of ``turn.weights``; what searches find is never scaled. docs/taste.md explains it.
"""

from typing import Final, Literal

from tools.records import Record, SignalSource

Wish = Literal["words", "photo", "none"]
"""What the message asks by: words (with or without a photo), a photo alone, or nothing in particular."""

History = Literal["none", "few", "many"]

MANY_EVENTS: Final = 20
"""From how many events on a history counts as long: about where a folded-in taste comes to stand on its own feet."""


class Situation(Record):
    """What a turn has to go on."""

    wish: Wish
    history: History


TASTE: Final[tuple[SignalSource, ...]] = ("session", "profile", "collaborative", "popular", "imported")

SCALES: Final[dict[tuple[Wish, History], tuple[float, float, float, float, float]]] = {
    #                    session  profile  collaborative  popular       imported
    ("words", "none"):   (1.0,     0.0,     0.0,           0.0,           0.1),
    ("words", "few"):    (1.0,     0.1,     0.05,          0.0,           0.1),
    ("words", "many"):   (1.0,     0.15,    0.15,          0.0,           0.0),
    ("photo", "none"):   (0.5,     0.0,     0.0,           0.0,           0.0),
    ("photo", "few"):    (0.5,     0.15,    0.1,           0.0,           0.0),
    ("photo", "many"):   (0.5,     0.2,     0.2,           0.0,           0.0),
    ("none", "none"):    (1.0,     0.0,     0.0,           1.0,           0.2),
    ("none", "few"):     (0.65,    0.35,    1.0,           0.0,           0.5),
    ("none", "many"):    (1.0,     0.7,     1.0,           0.1,           0.0),
}  # fmt: skip
"""Words and photos say what is wanted now, and history only orders what answers them about equally well: 0.1 moves an
item by about five places in one list of searches, 0.5 past ten (1/(60 + rank) of it). Words and buttons of the
conversation itself are about the very list that is shown, so they move more. Without a wish taste is all there is, and
how popular something is matters where nothing else is known. The row ("none", "few") was chosen on simulated
conversations (docs/fusion.md), where what was liked in the conversation counts as events too. A taste of another
catalogue was measured on public data (docs/taste.md); beside a photo it was not, nor does it help a long history."""


def situation(*, words: bool, photo: bool, events: int) -> Situation:
    """The turn's situation.

    Args:
        words: the message names what is wanted.
        photo: it brings a picture of what is wanted.
        events: how many of the user's own events are known.
    """
    history: History = "many" if events >= MANY_EVENTS else "few" if events else "none"
    return Situation(wish="words" if words else "photo" if photo else "none", history=history)


def scales(of: Situation) -> dict[str, float]:
    """By how much each source of taste counts, 0 (not at all) to 1."""
    return dict(zip(TASTE, SCALES[of.wish, of.history], strict=True))
