"""The profile of whoever asks: read, corrected, and fed by what happens outside conversations."""

import httpx

from tests.integration.service.doors.conftest import Serve, Served, new_key
from tools.taste.imported import ImportedTaste
from tools.user_history import History


def profile(client: httpx.Client) -> dict[str, object]:
    return dict(client.get("/api/me/profile").json())


def test_nothing_is_known_of_somebody_new(served: Served) -> None:
    with served.client() as client:
        assert profile(client) == History().model_dump(mode="json")


def test_what_is_done_shapes_the_profile_and_words_correct_it(served: Served) -> None:
    with served.client() as client:
        done = [{"item_id": "chair-1", "event": "like"}, {"item_id": "not-yet-there", "event": "dislike"}]
        assert client.post("/api/me/events", json={"events": done}).status_code == 204
        known = History.model_validate(profile(client))
        assert known.events == 2
        assert [item.item_id for item in known.liked] == ["chair-1"]
        assert [(item.item_id, item.title) for item in known.disliked] == [("not-yet-there", None)]
        learned = known.preferences[0]
        assert learned.weight > 0

        own = learned.model_copy(update={"weight": -1.0})
        assert client.put("/api/me/profile", json=own.model_dump()).status_code == 204
        corrected = History.model_validate(profile(client))
        assert corrected.corrected == [own]
        assert own in corrected.preferences

        where = {"attribute": own.attribute, "value": own.value}
        assert client.delete("/api/me/profile", params=where).status_code == 204
        assert learned in History.model_validate(profile(client)).preferences


def test_wrong_events_and_weights_are_refused_whole(served: Served) -> None:
    with served.client() as client:
        wrong = {"events": [{"item_id": "chair-1", "event": "like"}, {"item_id": "chair-1", "event": "adore"}]}
        assert client.post("/api/me/events", json=wrong).status_code == 422
        unrated = {"events": [{"item_id": "chair-1", "event": "rating"}]}
        assert client.post("/api/me/events", json=unrated).status_code == 422
        assert client.put("/api/me/profile", json={"attribute": "a", "value": "b", "weight": 3}).status_code == 422
        assert profile(client)["events"] == 0


def test_everybody_has_a_profile_of_their_own(serve: Serve) -> None:
    with (
        serve(needs_key=True) as served,
        served.client(new_key(served, "one")) as one,
        served.client(new_key(served, "two")) as two,
    ):
        one.post("/api/me/events", json={"events": [{"item_id": "chair-1", "event": "like"}]})
        assert profile(one)["events"] == 1
        assert profile(two)["events"] == 0


def test_a_service_that_keeps_no_events_says_so(serve: Serve) -> None:
    with serve(taste={"enabled": False}) as served, served.client() as client:
        answer = client.get("/api/me/profile")
        assert answer.status_code == 400
        assert "taste.enabled" in answer.json()["detail"]


def test_a_taste_of_another_catalogue_is_shown_and_deleted_by_whose_it_is(serve: Serve) -> None:
    with (
        serve(needs_key=True) as served,
        served.client(new_key(served, "one")) as one,
        served.client(new_key(served, "two")) as two,
    ):
        engines = served.assistant.engines
        encoder = engines.catalogue.identity("text")
        assert encoder
        assert engines.taste
        taste = ImportedTaste(
            catalogue="Films & Co", items=4, latest=1.0, at=2.0, encoder=encoder, vector=[1.0] * encoder.dimensions
        )
        owners = [client.get("/api/me").json()["user"] for client in (one, two)]
        engines.taste.events.set_imported(dict.fromkeys(owners, taste))
        assert profile(one)["imported"] == [{"catalogue": "Films & Co", "items": 4, "at": 2.0}]

        where = {"catalogue": "Films & Co"}
        assert one.delete("/api/me/tastes", params=where).status_code == 204
        assert one.delete("/api/me/tastes", params=where).status_code == 204
        assert (profile(one)["imported"], profile(two)["words"]) == ([], ["Taste of 4 items liked in Films & Co."])
        assert one.delete("/api/me/tastes").status_code == 422
        assert one.delete("/api/me/tastes", params={"catalogue": "x" * 101}).status_code == 422
