"""A user's profile for people: what they seem to like, what they said themselves, and what they did lately."""

import time

from pydantic import Field

from tools.records import Record
from tools.store import Catalogue
from tools.taste.records import EventKind, Preference
from tools.taste.taste import Taste

MOST_PREFERENCES = 40
MOST_RECENT = 20


class ToldPreference(Preference):
    """A preference, and where it comes from."""

    yours: bool = Field(description="the user said so; else it follows from what they did")


class Done(Record):
    """Something that the user did."""

    item_id: str
    title: str | None = Field(description="null where the catalogue has no such item now")
    event: EventKind
    at: float = Field(description="seconds since 1970")


class ToldProfile(Record):
    """What is taken for a user's taste, to be read and corrected by that user."""

    events: int = Field(description="how many of the latest events it rests on")
    price: tuple[float, float] | None = Field(description="between which prices most of what was liked lies")
    currency: str | None = Field(description="of these prices; null where the catalogue has none or several")
    preferences: list[ToldPreference] = Field(description="the user's own words first, then the strongest")
    recent: list[Done] = Field(description="latest first")


def told_profile(taste: Taste, catalogue: Catalogue, user: str) -> ToldProfile:
    """The profile of a user, who may be unknown: then it is empty.

    Raises:
        StoreError: events or catalogue cannot be read.
    """
    profile = taste.profile(user, time.time())
    said = {(one.attribute, one.value) for one in taste.preferences(user)}
    preferences = [
        ToldPreference(attribute=name, value=value, weight=weight, yours=(name, value) in said)
        for name, values in profile.attributes.items()
        for value, weight in values.items()
    ]
    preferences.sort(key=lambda one: (not one.yours, -abs(one.weight), one.attribute, one.value))
    recent = taste.recent(user)[:MOST_RECENT]
    items = catalogue.get_many([event.item_id for event in recent])
    titles = {item_id: item.title for item_id, item in items.items()}
    currencies = catalogue.vocabulary().currencies
    return ToldProfile(
        events=profile.events,
        price=profile.price,
        currency=currencies[0] if len(currencies) == 1 else None,
        preferences=preferences[:MOST_PREFERENCES],
        recent=[Done(item_id=one.item_id, title=titles.get(one.item_id), event=one.event, at=one.at) for one in recent],
    )
