"""From a message to its understanding: constraints, wishes, references and intent.

The classifiers (`heads`) say what the message wants done and which role each word plays; names, amounts and attribute
values are read by code and take the role of their words. What has a role with certainty becomes a constraint, what is
likely a preference, and nothing else is held against an item. Each part of a message (`part`), the typed text or a
transcript, is read in this order:

1. `utterance`: acts, operations and the words by their roles; a language model may settle uncertain ones (`questions`).
2. `picking`: which shown or named items it points at (`referring`).
3. `constraints`: prices (`amounts`), brands, what is not wanted, categories, attributes.
4. `follow_up`: cheaper than what was shown, what is taken back of the conversation so far.
5. `search_text`: the words to search for.

Here the parts are joined, with the `intent` of the message and, where it has several, its `wishes`. Without classifiers
(`untrained`) only names, attribute values and money are read.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final, NamedTuple

from assistant.agent.reading.heads import Heads
from assistant.agent.reading.intent import (
    intent_of,
    is_open_wish,
    only_operates_on_list,
    operates_on_list,
    price_order,
    recipient,
)
from assistant.agent.reading.part import MessagePart
from assistant.agent.reading.questions import Ask, settled
from assistant.agent.reading.referring import MOST_FOUND, Referring
from assistant.agent.reading.spans import CERTAIN
from assistant.agent.reading.untrained import read_untrained
from assistant.agent.reading.utterance import WANTED_ROLES, ClassifiedUtterance
from assistant.agent.reading.wishes import split_wishes
from assistant.records import Constraint, Memory, Recommendation
from assistant.understanding import Understanding, Utterance, Wish
from assistant.understanding.language import detect_language
from assistant.understanding.phrases import is_accompaniment
from tools.engines.text import TextEncoder
from tools.errors import ProductError
from tools.rank_fusion import WEIGHTS
from tools.records import Filters, Hit, Item, Vocabulary
from tools.search import search_by_text
from tools.store import Catalogue

HARMFUL: Final = 0.7
"""Probability from which a wish is refused (`assistant eval heads` prints precision and recall there)."""

SURELY_CHAT: Final = 0.9
"""The probability from which a message in a conversation about items is small talk whoever plans."""

BY_TEXT: Final = {signal: WEIGHTS[signal] for signal in ("dense", "keyword")}
"""What items are looked up by when a message names them."""

MOST_OTHERS: Final = 4
"""How many things that are not wanted the items found are compared with."""

_GOES_ON = ("refine", "more", "undo")


class MessageReader(NamedTuple):
    """Reads messages with a text encoder, the classifiers that belong to it, and the catalogue that it has encoded.

    Where there is no encoder, or it has no classifiers, what a message names is all that is read of it.
    """

    encoder: TextEncoder | None
    heads: Heads | None
    catalogue: Catalogue
    ask: Ask | None = None
    """Asks the language model about words of which the classifiers are unsure."""
    led: bool = False
    """Whether a planning model sees what is found, and answers small talk: it is left what is not surely small talk."""

    def understand(
        self, utterances: Sequence[Utterance], memory: Memory, vocabulary: Vocabulary, *, attached: bool
    ) -> Understanding:
        """Read everything the user said in this turn; outside the event loop, as the encoder computes.

        Args:
            utterances: the typed text and the transcripts, in order.
            memory: the session so far.
            vocabulary: the catalogue's names and values.
            attached: the message brings a picture.
        """
        whole = detect_language("\n".join(part.text for part in utterances), default=memory.language)
        languages = [detect_language(part.text, default=whole) for part in utterances]
        language = languages[0] if languages else whole  # of the typed text, which stands before transcripts
        if not utterances:
            return _nothing_said(memory, language)
        if self.encoder is None or self.heads is None:
            return read_untrained(utterances, vocabulary, language)
        referring = self._referring(self.encoder)
        parts = []
        for part, own in zip(utterances, languages, strict=True):
            states = self.encoder.token_states(part.text, purpose="classification")
            classification = self.heads.read(part.text, states, shown=_has_topic(memory))
            if self.led and memory.shown:
                classification = classification.unless_sure("chat", SURELY_CHAT)
            utterance = ClassifiedUtterance(
                part.source, part.text, classification, memory, vocabulary, own, referring, attached
            )
            if self.ask and not operates_on_list(utterance):
                tagged = settled(classification.tagged, vocabulary, own, CERTAIN, self.ask)
                utterance = replace(utterance, classification=classification._replace(tagged=tagged))
            parts.append(MessagePart(utterance, partial(_records, self.catalogue)))
        return _joined(parts, memory, language)

    def of_kind(self, words: str, filters: Filters) -> list[Hit]:
        """The items of the very kind that the words name; none without an encoder."""
        return [] if self.encoder is None else self._referring(self.encoder).of_kind(words, filters)

    def referring(self) -> Referring | None:
        """What compares words with the catalogue's names; None without an encoder that has classifiers."""
        return None if self.encoder is None or self.heads is None else self._referring(self.encoder)

    def _referring(self, encoder: TextEncoder) -> Referring:
        return Referring(encoder, partial(find_items, self.catalogue, encoder))


def find_items(catalogue: Catalogue, encoder: TextEncoder, words: str, filters: Filters | None = None) -> list[Hit]:
    """Items for words; none where the catalogue cannot be searched, which the turn's own search reports."""
    try:
        return search_by_text(catalogue, encoder, None, words, k=MOST_FOUND, filters=filters, weights=BY_TEXT).items
    except ProductError:
        return []


def _records(catalogue: Catalogue, recommendations: Sequence[Recommendation]) -> dict[str, Item]:
    """The catalogue's records of shown items; none where it cannot be read."""
    try:
        return catalogue.get_many([recommendation.item_id for recommendation in recommendations])
    except ProductError:
        return {}


def _nothing_said(memory: Memory, language: str) -> Understanding:
    return Understanding(
        language=language,
        intent=None,
        constraints=[],
        currency=None,
        references=[],
        topic="",
        refines=_has_topic(memory),
    )


def _has_topic(memory: Memory) -> bool:
    """Whether there is something that a message may go on with."""
    return bool(memory.shown or memory.topic or memory.constraints)


def _joined(parts: Sequence[MessagePart], memory: Memory, language: str) -> Understanding:
    """The understanding of a turn: a typed text decides what kind of request it is, where there is one."""
    lead = next((part for part in parts if part.utterance.source == "text"), parts[0])
    utterance, utterances = lead.utterance, [part.utterance for part in parts]
    act, asks, attached, text = utterance.act, utterance.asks, utterance.attached, utterance.text
    like_picture = attached and asks("similar")  # "like this" points at what the message brings
    pointed = [] if like_picture else [item for part in parts for item in part.pointed.items]
    references = list({item.item_id: item for item in pointed}.values())
    refused = utterance.classification.acts["harm"] >= HARMFUL
    intent = intent_of(lead, references)
    wishes = [] if intent or len(parts) > 1 else split_wishes(lead)
    rejected = references if asks("rejects") else []
    liked = references if asks("likes", "similar") else []
    is_open = is_open_wish(lead)
    steers = not attached and all(map(only_operates_on_list, parts))
    completes = act == "find" and not (memory.topic or memory.pictures)  # "a gift, at most 15", "she reads a lot"
    names_more = any(
        span not in part.conditions.values for part in parts for span in part.utterance.spans_of(*WANTED_ROLES)
    )
    silent = (is_open and not asks("gift")) or (attached and not names_more)
    without_topic = silent or steers or (act in ("more", "undo") and not lead.names_thing)
    asks_item = act == "item" and intent is None and not attached
    compared = lead.names_thing and asks("cheaper", "dearer")
    only_others = act == "more" and not liked
    kept_references = [] if compared or only_others or (rejected and not liked) else references
    return Understanding(
        language=language,
        intent="chat" if refused else intent,
        sort=price_order(lead),
        accompanies=attached and is_accompaniment(text.casefold()),
        refused=refused,
        liked=liked,
        rejected=rejected,
        recalled=[feedback.item_id for feedback in memory.rejected if feedback.title.casefold() in text.casefold()],
        recipient=recipient(lead),
        open_wish=is_open,
        assortment=act == "assortment",
        asks_item=asks_item,
        properties=text if asks_item else "" if wishes else ", ".join(part.search_text.properties for part in parts),
        constraints=[
            *_shared_constraints(parts, wishes),
            *(
                Constraint(field="exclude_ids", value=item.item_id, source=utterance.source, words=item.title)
                for item in [*rejected, *(references if asks("similar") else [])]
            ),
        ],
        preferences=[constraint for part in parts for constraint, _ in part.conditions.preferences],
        dropped=[constraint for part in parts for constraint in part.dropped],
        currency=next((a.currency for u in utterances for a in u.amounts if a.currency), None),
        references=kept_references,
        question=_question(lead),
        other_things=[words for part in parts for words in part.search_text.other_things][:MOST_OTHERS],
        unshown=[words for part in parts for words in part.pointed.unshown]
        if memory.shown and not (kept_references or intent)
        else [],
        topic="" if without_topic else " ".join(filter(None, (part.wish.topic for part in parts))),
        head="" if without_topic else " ".join(filter(None, (part.wish.head for part in parts))),
        sentence="" if silent else " ".join(part.wish.sentence for part in parts),
        kind=" ".join(filter(None, (part.wish.kind for part in parts))),
        clauses=[] if silent else [clause for part in parts for clause in part.wish.clauses],
        unread=next((u.text[slice(*u.unread)].strip() for u in utterances if u.unread[1]), ""),
        vague=not (references or any(part.search_text.kinds for part in parts)),
        refines=_has_topic(memory) and not is_open and (act in _GOES_ON or steers or completes),
        steers=steers,
        wishes=wishes,
    )


def _shared_constraints(parts: Sequence[MessagePart], wishes: Sequence[Wish]) -> list[Constraint]:
    """The constraints that are not of one wish alone."""
    of_wishes = {id(constraint) for wish in wishes for constraint in wish.constraints}
    return [
        constraint for part in parts for constraint, _ in part.conditions.constraints if id(constraint) not in of_wishes
    ]


def _question(part: MessagePart) -> str:
    """The text with titles for the words that name items: the brand in "how much is the Leica" is not what is asked.

    Where a superlative picked the item, what it is about stands in front.
    """
    pointed, text = part.pointed, part.utterance.text
    text = f"{pointed.by}: {text}" if pointed.by else text
    for words, title in pointed.titles:
        text = text.replace(words, title)
    return text if pointed.titles or pointed.by else ""
