"""The shop's own rules over HTTP: words of customers, pinned and hidden items, for admins."""

import asyncio

from fastapi import APIRouter
from pydantic import Field

from assistant.service.context import Service, TheService
from assistant.service.http.roles import ADMINS, allow
from tools.records import Record
from tools.store.rules import ShopRules

router = APIRouter(prefix="/api/admin/rules", tags=["shop"], dependencies=[allow(ADMINS)])


class RulesOut(Record):
    """The rules, and the titles of the items that they name, hidden ones too."""

    rules: ShopRules
    titles: dict[str, str] = Field(description="by id; an item that the catalogue does not have is left out")


@router.get("")
async def rules(service: TheService) -> RulesOut:
    """Words of customers, pinned and hidden items."""
    return await asyncio.to_thread(_rules, service)


@router.put("")
async def put(service: TheService, body: ShopRules) -> RulesOut:
    """Put rules in the place of those from before; every door obeys them at once."""
    await asyncio.to_thread(service.assistant.engines.catalogue.set_rules, body)
    return await asyncio.to_thread(_rules, service)


def _rules(service: Service) -> RulesOut:
    catalogue = service.assistant.engines.catalogue
    rules = catalogue.rules().rules
    items = catalogue.get_many([*(pin.item_id for pin in rules.pinned), *rules.hidden], also_hidden=True)
    return RulesOut(rules=rules, titles={item_id: item.title for item_id, item in items.items()})
