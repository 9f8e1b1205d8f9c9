"""A running service shows what another machine changes in the catalogue that they share, and the other way round."""

import time
from collections.abc import Callable
from typing import Any

from assistant.migration import move
from tests.fakes.catalogues import entry, fill
from tests.integration.bad_input.conftest import CommandLine
from tests.integration.service.serve_process import Place, place
from tests.postgres import Postgres
from tools.records import Item
from tools.store import Catalogue

__all__ = ["place"]


def soon(look: Callable[[], Any], wanted: object) -> None:
    end = time.monotonic() + 10
    while look() != wanted and time.monotonic() < end:
        time.sleep(0.05)
    assert look() == wanted


def test_a_running_service_follows_and_is_followed(place: Place, postgres: Postgres) -> None:
    state = postgres.place()
    move(place.folder / "data", state, only_catalogue=True)
    server = place.start("--no-llm", state__url=state.url)

    def shown() -> dict[str, str]:
        found = server.client.get("/api/catalogue/items").raise_for_status().json()["items"]
        return {one["item_id"]: one["title"] for one in found}

    with Catalogue.open(place.folder / "other", state=state) as other:
        everything = {f"i{n}": f"Chair {n}" for n in range(5)}
        assert shown() == {item.id: item.title for item in other.items()} == everything
        fill(other, [entry(Item(id="i1", title="A stool")), entry(Item(id="lamp", title="A lamp"))])
        with other.writing() as writer:
            writer.remove(["i0"])
        del everything["i0"]
        soon(shown, everything | {"i1": "A stool", "lamp": "A lamp"})
        server.client.put("/api/admin/rules", json={"hidden": ["i2"]}).raise_for_status()
        soon(lambda: other.get("i2"), None)
        assert other.rules().rules.hidden == ["i2"]
        postgres.stop()
        try:
            refused = server.client.put("/api/admin/rules", json={"hidden": []})
            assert refused.status_code == 503
            assert "cannot be reached" in refused.text
            assert server.client.get("/readyz").json()["parts"]["state"] != "ok"
        finally:
            postgres.restart()
        server.client.put("/api/admin/rules", json={"hidden": []}).raise_for_status()
        soon(lambda: other.get("i2") is None, False)
    run = CommandLine(place.folder / "third")
    command = run.start("catalogue", "stats", "--json", env=run.env | {"ASSISTANT_STATE__URL": state.url})
    assert '"items":5,' in command.communicate(timeout=60)[0]
