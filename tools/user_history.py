"""user_history: what the user liked lately, and the preferences that follow."""

import time

from pydantic import Field

from tools.records import Record
from tools.taste.profile import LEAST_WEIGHT, decayed
from tools.taste.records import Preference
from tools.tool import Arguments, Context, Count, Tool


class UserHistory(Arguments):
    """Arguments of user_history."""

    k: Count = 10


class LikedItem(Record):
    """An item that the user's events speak for, or against."""

    item_id: str
    title: str | None = Field(description="null: the catalogue does not hold it")
    strength: float = Field(description="sum of the events, each halved every half-life; below 0: disliked")


class LikedElsewhere(Record):
    """The user's taste in another catalogue."""

    catalogue: str
    items: int = Field(description="how many items liked there it rests on")
    at: float = Field(description="when it was brought here, seconds since 1970")


class History(Record):
    """What is known of the user who called."""

    liked: list[LikedItem] = Field([], description="what the user's events speak for most, the strongest first")
    disliked: list[LikedItem] = []
    preferences: list[Preference] = Field([], description="per attribute, the strongest first, with the corrections")
    corrected: list[Preference] = Field([], description="what the user said of them by hand")
    price: tuple[float, float] | None = Field(None, description="between which prices most of what was liked lies")
    events: int = Field(0, description="how many events were looked at")
    imported: list[LikedElsewhere] = Field([], description="what was brought here from other catalogues")
    words: list[str] = Field([], description="the same in sentences")


def user_history(context: Context, arguments: UserHistory) -> History:
    """Tell what the user of this conversation liked and disliked lately, and which preferences follow from it."""
    taste, user = context.engines.taste, context.user
    if taste is None or user is None:
        return History()
    now = time.time()
    history = decayed(taste.recent(user), now=now, half_life_days=taste.rules.half_life_days)
    profile = taste.profile(user, now)
    liked = [item_id for item_id, strength in history.items() if strength > 0][: arguments.k]
    disliked = [item_id for item_id, strength in history.items() if strength < 0][: arguments.k]
    items = context.engines.catalogue.get_many([*liked, *disliked])
    titles = {item_id: item.title for item_id, item in items.items()}
    preferences = [
        Preference(attribute=name, value=value, weight=max(-1.0, min(1.0, weight)))
        for name, values in profile.attributes.items()
        for value, weight in values.items()
        if abs(weight) >= LEAST_WEIGHT
    ]
    summary = History(
        liked=[_regard(item_id, titles, history) for item_id in liked],
        disliked=[_regard(item_id, titles, history) for item_id in disliked],
        preferences=sorted(preferences, key=lambda preference: -abs(preference.weight)),
        corrected=list(taste.preferences(user)),
        price=profile.price,
        events=profile.events,
        imported=[LikedElsewhere(catalogue=one.catalogue, items=one.items, at=one.at) for one in taste.imported(user)],
    )
    return summary.model_copy(update={"words": _in_words(summary)})


def _regard(item_id: str, titles: dict[str, str], history: dict[str, float]) -> LikedItem:
    return LikedItem(item_id=item_id, title=titles.get(item_id), strength=round(history[item_id], 3))


def _in_words(history: History) -> list[str]:
    sentences = []
    if liked := [item.title for item in history.liked if item.title]:
        sentences.append(f"Liked lately: {', '.join(liked)}.")
    if disliked := [item.title for item in history.disliked if item.title]:
        sentences.append(f"Disliked: {', '.join(disliked)}.")
    for preference in history.preferences:
        verb = "Prefers" if preference.weight > 0 else "Avoids"
        sentences.append(f"{verb} {preference.attribute} {preference.value} ({preference.weight:+.2f}).")
    sentences += [f"Taste of {one.items} items liked in {one.catalogue}." for one in history.imported]
    if history.price:
        sentences.append(f"Usual prices: {history.price[0]:g} to {history.price[1]:g}.")
    return sentences


TOOL = Tool(UserHistory, user_history)
