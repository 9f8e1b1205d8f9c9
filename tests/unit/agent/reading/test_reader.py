"""What a message is taken to mean, given what the classifiers make of it."""

from collections.abc import Callable

import pytest

from assistant.agent.reading import reader as module
from assistant.agent.reading.heads import Classification
from assistant.agent.reading.labels import ACTS
from assistant.agent.reading.reader import MessageReader
from assistant.agent.reading.spans import TaggedTokens
from assistant.records import Constraint, Memory, Recommendation
from assistant.understanding import Understanding, Utterance
from tests.fakes.reading import PhraseEncoder, Told
from tests.unit.agent.reading.conftest import LIKE, Shelf, find, item
from tools.engines.text import TokenStates
from tools.records import ItemsResult, Vocabulary

UNSURE = {"chat": 0.6, "refine": 0.4}
Understand = Callable[..., Understanding]
SHOES = [item("pegasus", 120.0), item("asics", 55.0), item("ultra", 150.0)]


@pytest.fixture
def understand(monkeypatch: pytest.MonkeyPatch) -> Understand:
    def search(catalogue: object, encoder: object, pictures: object, words: str, **more: object) -> ItemsResult:
        return ItemsResult(items=find(words, None))

    def understood(
        labelled: str, act: str, *operations: str, memory: Memory | None = None, attached: bool = False
    ) -> Understanding:
        heads = Told()
        text = heads.tell(labelled, act, operations)
        reader = MessageReader(PhraseEncoder(LIKE), heads, Shelf())  # type: ignore[arg-type]
        vocabulary = Vocabulary(brands=["Samsung", "Nike"], currencies=["EUR"])
        return reader.understand(
            [Utterance(source="text", text=text)], memory or Memory(), vocabulary, attached=attached
        )

    monkeypatch.setattr(module, "search_by_text", search)
    return understood


def field_values(understanding: Understanding) -> list[tuple[str, object]]:
    return [(constraint.field, constraint.value) for constraint in understanding.constraints]


def test_the_price_of_a_named_item_is_the_bound(understand: Understand) -> None:
    read = understand("[thing:running shoes] cheaper than [item:the Pegasus]", "find", "cheaper")
    assert field_values(read) == [("max_price", 119.99), ("exclude_ids", "pegasus")]
    assert (read.topic, read.references) == ("running shoes", [])


@pytest.mark.parametrize(
    ("shown", "operation", "expected"),
    [
        (
            SHOES[:1] + SHOES[2:],
            "cheaper",
            [("max_price", 119.99), ("exclude_ids", "pegasus"), ("exclude_ids", "ultra")],
        ),
        (SHOES, "cheaper", [("max_price", 119.99), ("exclude_ids", "pegasus"), ("exclude_ids", "ultra")]),
        (SHOES[:2], "dearer", [("min_price", 120.01), ("exclude_ids", "pegasus"), ("exclude_ids", "asics")]),
        ([*SHOES[:1], item("ball", 12.0)], "cheaper", [("max_price", 119.99), ("exclude_ids", "pegasus")]),
    ],
)
def test_cheaper_leaves_something_of_the_kind(
    understand: Understand, shown: list[Recommendation], operation: str, expected: object
) -> None:
    read = understand("hm, no", "refine", operation, memory=Memory(shown=shown, topic="running shoes"))
    assert field_values(read) == expected


class Unsure(Told):
    """Classifiers that take every message for small talk, and are not sure of it."""

    def read(self, text: str, states: TokenStates, *, shown: bool) -> Classification:
        return super().read(text, states, shown=shown)._replace(acts=dict.fromkeys(ACTS, 0.0) | UNSURE)


@pytest.mark.parametrize(
    ("led", "shown", "chat", "intent", "refines"),
    [
        (False, SHOES, 0.6, "chat", False),
        (True, SHOES, 0.6, None, True),
        (True, SHOES, 0.95, "chat", False),
        (True, [], 0.6, "chat", False),
    ],
)
def test_where_a_model_plans_only_what_surely_is_small_talk_is_taken_for_it(
    monkeypatch: pytest.MonkeyPatch,
    led: bool,
    shown: list[Recommendation],
    chat: float,
    intent: str | None,
    refines: bool,
) -> None:
    monkeypatch.setitem(UNSURE, "chat", chat)
    heads = Unsure()
    text = heads.tell("my uncle chips in", "chat")
    reader = MessageReader(PhraseEncoder(LIKE), heads, Shelf(), led=led)  # type: ignore[arg-type]
    utterances, memory = [Utterance(source="text", text=text)], Memory(shown=shown, topic="running shoes")
    read = reader.understand(utterances, memory, Vocabulary(), attached=False)
    assert (read.intent, read.refines) == (intent, refines)


def test_a_question_about_an_item_that_was_not_shown(understand: Understand) -> None:
    memory = Memory(shown=SHOES, topic="running shoes")
    read = understand("how much is [item:la tente]?", "item", memory=memory)
    assert (read.intent, [item.item_id for item in read.references]) == ("details", ["tent"])
    assert read.question == "how much is tent?"
    read = understand("how much is [item:the camera]?", "item", memory=memory)
    assert (read.intent, read.unshown, read.topic) == (None, ["the camera"], "the camera")


def test_the_cheaper_of_two_is_one_item(understand: Understand) -> None:
    read = understand("tell me about [item:the cheaper of the two]", "compare", memory=Memory(shown=SHOES))
    assert (read.intent, [item.item_id for item in read.references]) == ("details", ["asics"])


@pytest.mark.parametrize(
    ("message", "act", "expected", "question"),
    [
        ("welcher ist am leichtesten?", "compare", "ultra", "weight: welcher ist am leichtesten?"),
        ("welcher ist am leichtesten?", "item", "ultra", "weight: welcher ist am leichtesten?"),
        ("la más barata [item:de las dos]", "compare", "asics", "price: la más barata de las dos"),
        ("und das billigste?", "refine", "asics", "price: und das billigste?"),
    ],
)
def test_a_superlative_picks_one_of_the_shown_items(
    understand: Understand, message: str, act: str, expected: str, question: str
) -> None:
    read = understand(message, act, memory=Memory(shown=SHOES))
    assert (read.intent, [item.item_id for item in read.references]) == ("details", [expected])
    assert read.question == question


def test_an_order_of_everything_picks_none_of_the_shown(understand: Understand) -> None:
    memory = Memory(shown=SHOES, topic="running shoes")
    read = understand("die billigsten zuerst", "refine", "cheapest", memory=memory)
    assert (read.intent, read.references, read.sort, read.refines) == (None, [], "price", True)


def test_a_name_that_one_item_alone_comes_near_to_is_its_name(understand: Understand) -> None:
    read = understand("¿cuánto cuesta [item:la Pegasus]?", "item")
    assert [item.item_id for item in read.references] == ["pegasus"]
    assert understand("was kostet [item:das andere]?", "item").references == []


@pytest.mark.parametrize(
    "message", ["[item:that one] by [item:asics], is it heavy?", "[item:el asics], ¿[item:it] es pesado?"]
)
def test_a_bare_pointer_beside_a_name_points_at_nothing_more(understand: Understand, message: str) -> None:
    read = understand(message, "item", memory=Memory(shown=SHOES))
    assert [item.item_id for item in read.references] == ["asics"]


def test_cheaper_compares_with_nothing_where_another_kind_is_named(understand: Understand) -> None:
    memory = Memory(shown=SHOES, topic="running shoes")
    assert field_values(understand("ach nein, lieber [thing:sofa]", "refine", "cheaper", memory=memory)) == []
    assert (
        field_values(understand("[thing:running shoes], aber günstiger", "refine", "cheaper", memory=memory))[0][1]
        == 119.99
    )


def test_what_is_wanted_beside_the_kind_is_read_clause_by_clause(understand: Understand) -> None:
    read = understand("the [prop:lightest] [thing:tent] for [for:two], and [prop:cheap]!", "find")
    assert (read.kind, read.clauses) == ("tent", ["the lightest for", "and cheap"])


@pytest.mark.parametrize(
    ("message", "shared", "own"),
    [
        ("a [thing:sofa] and [thing:running shoes], both under [max:20] euros", [19.99], [[], []]),
        ("ein [thing:sofa] und [thing:running shoes]. Höchstens [max:20] Euro das Stück.", [20.0], [[], []]),
        ("[thing:sofa]、[thing:running shoes]，都不超过[max:20]元", [20.0], [[], []]),
        ("jusqu'à [max:20] euros chacun : un [thing:sofa] et des [thing:running shoes]", [20.0], [[], []]),
        ("un [thing:sofa] y [thing:running shoes] por hasta [max:300] euros", [300.0], [[], []]),
        ("un [thing:sofa] y [thing:running shoes] por hasta [max:100] euros", [], [[], [100.0]]),
        ("a [thing:sofa] up to [max:300] euros and [thing:running shoes], up to [max:60]", [], [[300.0], [60.0]]),
        ("a [thing:sofa] up to [max:300] euros and [thing:running shoes]", [], [[300.0], []]),
    ],
)
def test_a_limit_at_the_end_of_several_wishes_is_that_of_all(
    understand: Understand, message: str, shared: list[float], own: list[list[float]]
) -> None:
    read = understand(message, "find")
    assert [constraint.value for constraint in read.constraints] == shared
    assert [[constraint.value for constraint in wish.constraints] for wish in read.wishes] == own


def test_what_the_wish_is_for_is_not_shown_where_it_is_not_wanted(understand: Understand) -> None:
    read = understand("[thing:case] for [for:Pixel 8], not the [not:phone]", "find")
    assert field_values(read) == [("exclude_ids", "phone")]
    read = understand("[thing:case] for [for:Pixel 8], no [not:leather]", "find")
    assert field_values(read) == [("exclude_terms", "leather")]


def test_an_exclusion_that_is_taken_back_becomes_a_preference(understand: Understand) -> None:
    excluded = Constraint(field="exclude_brands", value="Samsung", source="text", words="no Samsung")
    memory = Memory(shown=SHOES, topic="phone", constraints=[excluded])
    read = understand("ok, [back:Samsung] is fine", "undo", memory=memory)
    assert read.dropped == [excluded]
    assert [(constraint.field, constraint.value) for constraint in read.preferences] == [("brands", "Samsung")]
    assert read.topic == ""  # the earlier wish goes on


def test_a_brand_that_was_ruled_out_is_welcome_with_the_others(understand: Understand) -> None:
    excluded = Constraint(field="exclude_brands", value="Samsung", source="text", words="no Samsung")
    memory = Memory(shown=SHOES, topic="phone", constraints=[excluded])
    read = understand("a [prop:Samsung] would do as well", "undo", memory=memory)
    assert read.dropped == [excluded]
    assert field_values(read) == []
    assert [(constraint.field, constraint.value) for constraint in read.preferences] == [("brands", "Samsung")]


def test_a_preference_is_taken_back_in_words(understand: Understand) -> None:
    red = Constraint(field="attributes", attribute="color", value="red", source="text", words="red")
    limit = Constraint(field="max_price", value=50, source="text", words="50")
    memory = Memory(shown=SHOES, topic="shoes", constraints=[limit], preferences=[red])
    assert understand("not necessarily [back:red]", "undo", memory=memory).dropped == [red]
    assert understand("forget that", "undo", memory=memory).dropped == [limit]
    assert understand("[thing:sofa]", "refine", memory=memory).dropped == [red]


def test_wishes_are_parted_at_what_joins_them(understand: Understand) -> None:
    read = understand("eine [thing:Lampe] bis [max:50] Euro und ein [thing:Tisch] bis [max:200] Euro", "find")
    assert [wish.topic for wish in read.wishes] == ["Lampe", "Tisch"]
    assert [[constraint.value for constraint in wish.constraints] for wish in read.wishes] == [[50.0], [200.0]]
    assert understand("uma [thing:bola] de [thing:futebol]", "find").wishes == []


def test_things_to_buy_are_searched_for_where_nothing_was_shown(understand: Understand) -> None:
    labelled = "i want to buy a [thing:dog bed]"
    assert understand(labelled, "cart").intent is None
    assert understand(labelled, "cart", memory=Memory(shown=SHOES)).intent == "cart"


def test_a_limit_in_money_compares_with_nothing_shown(understand: Understand) -> None:
    read = understand("less than [max:200] dollars", "refine", ["cheaper"], memory=Memory(shown=SHOES, topic="shoes"))
    assert field_values(read) == [("max_price", 199.99)]


def test_what_is_told_beside_the_wish_is_not_searched_for(understand: Understand) -> None:
    read = understand("We have an [said:espresso machine] already. It is the beans that we run out of.", "find")
    assert read.other_things == ["espresso machine"]
    assert (read.topic, read.sentence) == ("It is the beans that we run out of.", "It is the beans that we run out of.")
    alone = understand("Our [said:espresso machine] is old.", "find")
    assert alone.sentence == "Our espresso machine is old."
    purpose = understand("a [thing:case] for my [for:phone], no [not:leather], no [not:Nike]", "find")
    assert purpose.other_things == ["phone", "leather"]  # a brand is field_values as a constraint
    assert understand("what is there for [for:running]?", "find").other_things == []


def test_what_is_said_after_a_gift_without_a_kind_goes_on_with_it(understand: Understand) -> None:
    limit = Constraint(field="max_price", value=15.0, source="text", words="15")
    gift = Memory(turns=1, constraints=[limit], shown=SHOES)
    assert understand("she reads [thing:crime novels] all day", "find", memory=gift).refines
    named = gift.model_copy(update={"topic": "mug"})
    assert not understand("she reads [thing:crime novels] all day", "find", memory=named).refines
    assert not understand("surprise me", "find", "open", memory=gift).refines


def test_like_this_points_at_the_picture_that_comes_with_it(understand: Understand) -> None:
    labelled, memory = "like [item:the first one], up to [max:40]", Memory(shown=SHOES, topic="shoes")
    assert field_values(understand(labelled, "refine", "similar", memory=memory))[-1] == ("exclude_ids", "pegasus")
    read = understand(labelled, "refine", "similar", memory=memory, attached=True)
    assert (field_values(read), read.references, read.liked) == ([("max_price", 40.0)], [], [])


def test_what_is_told_of_a_picture_is_wanted_where_nothing_else_is(understand: Understand) -> None:
    labelled = "I like the [said:shoes] in my photo, but in [prop:black]"
    assert (understand(labelled, "find", attached=True).topic, understand(labelled, "find").topic) == (
        "shoes black",
        "black",
    )
    beside = understand("I have this [said:sofa], which [thing:lamp] goes with it?", "find", attached=True)
    assert (beside.topic, beside.other_things) == ("lamp", ["sofa"])


@pytest.mark.parametrize(
    ("labelled", "act", "operation", "asks"),
    [
        ("not the [item:first one]", "refine", "rejects", False),
        ("cheapest first", "refine", "cheapest", False),
        ("more", "more", None, False),
        ("not the [item:first one], a [prop:red] one", "refine", "rejects", True),
        ("up to [max:100]", "refine", None, True),
    ],
)
def test_no_model_is_asked_about_words_that_only_steer_the_list(
    monkeypatch: pytest.MonkeyPatch, labelled: str, act: str, operation: str | None, asks: bool
) -> None:
    questions: list[str] = []

    def settled(tagged: TaggedTokens, *_: object) -> TaggedTokens:
        questions.append(tagged.text)
        return tagged

    monkeypatch.setattr(module, "settled", settled)
    monkeypatch.setattr(module, "search_by_text", lambda *_, **__: ItemsResult(items=[]))
    heads = Told()
    text = heads.tell(labelled, act, [operation] if operation else [])
    reader = MessageReader(PhraseEncoder(LIKE), heads, Shelf(), ask=lambda _: {})  # type: ignore[arg-type]
    read = reader.understand([Utterance(source="text", text=text)], Memory(shown=SHOES), Vocabulary(), attached=False)
    assert bool(questions) == asks
    assert read.steers != asks
