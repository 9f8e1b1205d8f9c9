"""Questions to the shop are answered in the words of its pages; "put it in my cart" puts it there, or asks which."""

from typing import Any

import pytest

from assistant.agent import shop
from assistant.agent.shop import quoted, respond_to_cart
from assistant.errors import LLMUnavailable
from assistant.records import CartChanged, Done, Recommendation
from assistant.settings import Settings, ShopSettings, load_settings
from assistant.shop import Kind, ShopProfile, write_profile
from prompts import say
from tests.unit.agent.conftest import Stage
from tools.search_pages import PageHit

DOWN = LLMUnavailable("The language model cannot be reached.")
LINK = ShopSettings(cart_link="https://shop.example/cart?add={id}&n=1")
LANGUAGES = ["en", "de", "es", "fr", "zh"]


def hit(text: str, score: float, heading: str = "Times") -> PageHit:
    return PageHit(page="d.md", title="Delivery", heading=heading, text=text, score=score, relevant=score >= 1)


def pages(*hits: PageHit, missing: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"search_pages": {"passages": [hit.model_dump() for hit in hits], "missing": list(missing)}}


def recommendation(item_id: str, title: str = "Chair") -> Recommendation:
    return Recommendation(rank=1, item_id=item_id, title=title, price=1, score=1, explanation="", evidence=[])


# Questions to the shop -----------------------------------------------------------------------------------------------


async def test_a_question_is_answered_in_the_pages_words_with_the_page_named(stage: Stage) -> None:
    stage.answers = pages(hit("Three days.", 2.0), hit("We ship on Mondays.", 1.7), hit("Boxes are brown.", 1.1))
    reply, _, chat = await stage.turn("how long does delivery take?", DOWN, act="shop")
    assert reply.intent == "shop"
    assert reply.message == "“Three days.” (Delivery > Times)\n“We ship on Mondays.” (Delivery > Times)"
    assert [(entry.id, entry.source) for entry in reply.evidence] == [("e1", "page"), ("e2", "page")]
    assert (reply.recommendations, reply.constraints, reply.degraded) == ([], {}, [])
    assert chat.asked == []
    assert [call.arguments["query"] for call in stage.calls] == ["how long does delivery take?"]


@pytest.mark.parametrize("contact", ["", "mail@shop.example"])
async def test_what_the_pages_do_not_say_is_said_with_whom_to_ask(stage: Stage, contact: str) -> None:
    stage.shop = ShopSettings(contact=contact)
    for answers in (pages(hit("Boxes are brown.", 0.9)), pages(missing=(shop.NO_PAGES,))):
        stage.answers = answers
        reply, _, _ = await stage.turn("is there a student discount?", DOWN, act="shop")
        assert contact in reply.message
        assert "Boxes" not in reply.message
        assert (reply.evidence, reply.degraded) == ([], [])


async def test_a_search_that_fails_or_lacks_its_encoder_is_said(stage: Stage) -> None:
    stage.answers = pages(missing=("The pages were embedded by another text encoder.",))
    reply, _, _ = await stage.turn("do you deliver?", DOWN, act="shop")
    assert len(reply.degraded) == 1
    stage.broken_tools = {"search_pages"}
    reply, _, _ = await stage.turn("do you deliver?", DOWN, act="shop")
    assert len(reply.degraded) == 1


async def test_the_list_that_was_shown_stays_the_one_that_is_spoken_of(stage: Stage) -> None:
    before, _, _ = await stage.turn("a chair", DOWN)
    stage.answers = pages(hit("Three days.", 2.0))
    await stage.turn("how long does delivery take?", DOWN, act="shop")
    reply, _, _ = await stage.turn("put [item:the second one] in my cart", DOWN, act="cart")
    assert reply.cart is not None
    assert reply.cart.item_id == before.recommendations[1].item_id


def test_only_passages_about_as_near_as_the_best_are_quoted() -> None:
    hits = [hit("a", 1.0), hit("b", 2.0), hit("c", 1.7), hit("d", 0.5), hit("e", 1.9)]
    assert [passage.text for passage in quoted(hits)] == ["b", "e"]
    assert quoted([hit("d", 0.5)]) == []


# The cart ------------------------------------------------------------------------------------------------------------


async def test_the_item_pointed_at_is_put_in_the_cart_and_told_and_kept(stage: Stage) -> None:
    stage.shop = LINK
    before, _, _ = await stage.turn("a chair", DOWN)
    reply, events, _ = await stage.turn("buy [item:the second one]", DOWN, act="cart")
    item = before.recommendations[1]
    url = f"https://shop.example/cart?add={item.item_id}&n=1"
    assert reply.cart is not None
    assert reply.cart.model_dump() == {"item_id": item.item_id, "title": item.title, "url": url}
    assert item.title in reply.message
    assert [event.item_id for event in events if isinstance(event, CartChanged)] == [item.item_id]
    assert isinstance(events[-1], Done)
    assert [(interaction.item_id, interaction.event) for interaction in events[-1].done] == [(item.item_id, "cart")]
    assert reply.recommendations == []


async def test_nothing_is_kept_of_a_cart_for_somebody_else(stage: Stage) -> None:
    await stage.turn("a [thing:chair] for [for:my father]", DOWN, asks=["gift"])
    reply, events, _ = await stage.turn("buy [item:the first one]", DOWN, act="cart")
    assert reply.cart is not None
    assert isinstance(events[-1], Done)
    assert events[-1].done == []


def cart(references: list[Recommendation], listed: list[Recommendation], language: str = "en") -> dict[str, Any]:
    return respond_to_cart(references, listed, {"a", "b", "a/ü&1"}, LINK, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_said_in_the_user_s_language(language: str) -> None:
    assert "Chair" in cart([recommendation("a")], [], language)["message"]
    update = cart([], [recommendation("a", "Chair"), recommendation("b", "Lamp")], language)
    assert "Chair" in update["message"]
    assert "Lamp" in update["message"]
    assert update["message"].endswith(("?", "？"))
    assert "cart" not in update
    assert "mail@x.example" in say("shop_unknown", language, contact="mail@x.example", kind="shop")


def test_ids_are_percent_encoded_and_without_a_link_there_is_no_address() -> None:
    assert cart([recommendation("a/ü&1")], [])["cart"].url == "https://shop.example/cart?add=a%2F%C3%BC%261&n=1"
    assert respond_to_cart([recommendation("a")], [], {"a"}, ShopSettings(), "en")["cart"].url is None


def test_the_only_item_shown_is_meant_and_of_several_it_is_asked_which() -> None:
    assert cart([], [recommendation("a")])["cart"].item_id == "a"
    assert "cart" not in cart([], [recommendation("a"), recommendation("b")])
    assert "cart" not in cart([recommendation("a"), recommendation("b")], [])
    assert cart([], [])["message"] == say("no_such_item", "en")


def test_an_item_that_is_gone_is_not_put_in_the_cart() -> None:
    answer = cart([recommendation("gone")], [])
    assert answer == {"message": say("gone", "en", title="Chair")}


# Settings ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("link", ["https://shop.example/cart", "javascript:alert({id})", "https://a b/{id}", "{id}"])
def test_a_link_that_is_none_is_refused(link: str) -> None:
    with pytest.raises(Exception, match=r"shop\.cart_link"):
        load_settings(shop={"cart_link": link})


def test_a_link_of_the_environment_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_SHOP__CART_LINK", "http://localhost/add/{id}")
    assert Settings().shop.cart_link == "http://localhost/add/{id}"


@pytest.mark.parametrize(("kind", "words"), [("shop", "2 items of that kind"), ("learning", "2 courses of that kind")])
async def test_what_there_is_is_counted_in_the_words_of_the_catalogue_s_kind(
    stage: Stage, kind: Kind, words: str
) -> None:
    stage.by_title = True
    write_profile(Settings(home=stage.folder), ShopProfile(kind=kind))
    reply, _, _ = await stage.turn("which [thing:chair] do you have?", DOWN, act="assortment")
    assert words in reply.message
