"""The profile of whoever asks: read, corrected, and fed by what happens outside conversations."""

import httpx

from tests.integration.service.doors.conftest import Serve, Served, new_key


def profile(client: httpx.Client) -> dict[str, object]:
    return dict(client.get("/api/me/profile").json())


def test_nothing_is_known_of_somebody_new(served: Served) -> None:
    with served.client() as client:
        assert profile(client) == {"events": 0, "price": None, "currency": "USD", "preferences": [], "recent": []}


def test_what_is_done_shapes_the_profile_and_words_correct_it(served: Served) -> None:
    with served.client() as client:
        done = [{"item_id": "chair-1", "event": "like"}, {"item_id": "not-yet-there", "event": "view"}]
        assert client.post("/api/me/events", json={"events": done}).status_code == 204
        known = profile(client)
        assert known["events"] == 2
        assert [(one["item_id"], one["event"], bool(one["title"])) for one in known["recent"]] == [  # type: ignore[attr-defined]
            ("not-yet-there", "view", False),
            ("chair-1", "like", True),
        ]
        learned = known["preferences"][0]  # type: ignore[index]
        assert learned["weight"] > 0
        assert not learned["yours"]

        own = {"attribute": learned["attribute"], "value": learned["value"], "weight": -1.0}
        assert client.put("/api/me/profile", json=own).status_code == 204
        assert profile(client)["preferences"][0] == {**own, "yours": True}  # type: ignore[index]

        where = {"attribute": own["attribute"], "value": own["value"]}
        assert client.delete("/api/me/profile", params=where).status_code == 204
        assert learned in profile(client)["preferences"]  # type: ignore[operator]


def test_wrong_events_and_weights_are_refused_whole(served: Served) -> None:
    with served.client() as client:
        wrong = {"events": [{"item_id": "chair-1", "event": "like"}, {"item_id": "chair-1", "event": "adore"}]}
        assert client.post("/api/me/events", json=wrong).status_code == 422
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
