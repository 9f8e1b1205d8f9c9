"""How a reply and the events of a turn look in a terminal; building and showing are apart."""

from collections.abc import Iterable
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.status import Status
from rich.text import Text

from assistant.records import (
    Explained,
    Provisional,
    Ranked,
    Recommendation,
    Reply,
    StepFinished,
    StepStarted,
    TurnEvent,
)
from assistant.records import Group as WishGroup
from prompts import FALLBACK_LANGUAGE, say, sentence_keys
from tools.records import Hit


def price_in_words(price: float | None, currency: str | None) -> str:
    """ "44.95 USD", or a dash when no price is known."""
    return f"{price:,.2f} {currency or ''}".strip() if price is not None else "–"


def sale_in_words(item: Hit | Recommendation) -> str:
    """ "44.95 USD", and what was chosen of a variant: "99.90 EUR, size 43, color red"."""
    options = [f"{name} {value}" for name, value in item.variant.options.items()] if item.variant else []
    return ", ".join([price_in_words(item.price, item.currency), *options])


def reply_view(reply: Reply, *, verbose: bool = False) -> RenderableType:
    """The whole reply: message, recommendations with explanations and evidence, and how long it took."""
    parts: list[RenderableType] = [Text(reply.message, style="bold")]
    for group, items in reply.sections():
        parts += [group_view(group)] if group else []
        parts += [recommendation_view(item) for item in items]
    parts += [Text(reply.question, style="bold")] if reply.question else []
    parts += [Text(f"  - {choice}") for choice in reply.choices]
    if reply.cart and reply.cart.url:
        parts.append(Text(reply.cart.url, style=f"link {reply.cart.url}"))
    parts += [Text(f"note: {note}", style="yellow") for note in reply.degraded]
    parts.append(cost_view(reply, verbose=verbose))
    return Group(*parts)


def group_view(group: WishGroup, items: Iterable[Recommendation] = ()) -> Text:
    """The heading of one wish, with the ranks of its items where they are given, and what is to be said of it."""
    view = Text(group.wish, style="bold underline")
    if ranks := ", ".join(str(item.rank) for item in items):
        view.append(f": {ranks}", style="not bold not underline")
    return view.append(f"\n{group.message}", style="not bold not underline") if group.message else view


def recommendation_view(item: Recommendation) -> RenderableType:
    """One recommendation as a panel."""
    body = Text(item.explanation)
    for entry in item.evidence:
        body.append(f"\n  {entry.id:>4}  {entry.source:<13} {entry.sentence or entry.detail}", style="dim")
    title = f"{item.rank}. {item.title}  {sale_in_words(item)}  [{item.item_id}]"
    return Panel(body, title=Text(title, style="bold cyan"), title_align="left", border_style="dim")


def cost_view(reply: Reply, *, verbose: bool = False) -> Text:
    """One line: seconds and the session; in full also seconds by kind, model calls and tokens."""
    t, u = reply.timings, reply.usage
    kinds = f" (model {t.llm:.1f}, tools {t.tools:.1f}, own {t.other:.2f})"
    calls = f" · {u.llm_calls} model calls, {u.prompt_tokens} + {u.completion_tokens} tokens"
    line = f"{t.total:.1f} s{kinds if verbose else ''}{calls if verbose else ''} · session {reply.session_id}"
    return Text(line, style="dim")


def _step_in_words(event: StepStarted) -> str:
    """What a step does, and what it searches for."""
    key, query = f"step_{event.step}", event.arguments.get("query")
    words = say(key, FALLBACK_LANGUAGE) if key in sentence_keys(FALLBACK_LANGUAGE) else event.step
    return f"{words}: “{query}”" if query else words


class EventPrinter:
    """Prints events as they come: steps, the provisional ranking, the final order and what it changed, explanations.

    As a context manager it shows in a terminal what is being done now, in one line that goes away at the end; elsewhere
    each step is a line.
    """

    def __init__(self, console: Console, *, verbose: bool = False) -> None:
        """``verbose``: each step is a line with its seconds, in a terminal as well."""
        self._console = console
        self._verbose = verbose
        self._now = console.status(Text("Working")) if console.is_interactive and not verbose else None
        self._running: list[StepStarted] = []
        self._hits: dict[str, Hit] = {}
        self._provisional: list[str] = []

    def __enter__(self) -> Self:
        if self._now:
            self._now.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._now:
            self._now.stop()

    def show(self, event: TurnEvent) -> None:
        """Print one event; events that need no line print nothing."""
        match event:
            case StepStarted():
                self._begin(event)
            case StepFinished():
                self._step(event)
            case Provisional():
                self._provisional = [hit.item_id for hit in event.items]
                self._list("Provisional", event)
            case Ranked():
                self._final(event)
            case Explained():
                self._explanation(event)
            case _:
                pass

    def _begin(self, event: StepStarted) -> None:
        if self._now:
            self._running.append(event)
            self._tell(self._now)
        elif event.origin == "model":
            self._console.print(Text(f"  … {event.step}", style="dim"))

    def _tell(self, now: Status) -> None:
        """Say what began last of what is under way."""
        words = Text(_step_in_words(self._running[-1]) if self._running else "Working")
        words.truncate(self._console.width - 4, overflow="ellipsis")
        now.update(words)

    def _step(self, event: StepFinished) -> None:
        if self._now:
            ended = next((step for step in self._running if step.step == event.step), None)
            self._running = [step for step in self._running if step is not ended]
            self._tell(self._now)
            return
        mark = Text("  ✓ " if event.ok else "  ✗ ", style="green" if event.ok else "red")
        seconds = f" {event.seconds:.1f} s" if self._verbose and event.seconds >= 0.05 else ""
        self._console.print(mark + Text(f"{event.step}{seconds}  ") + Text(event.summary, style="dim"))

    def _list(self, title: str, event: Provisional) -> None:
        self._console.print(Text(f"{title}:", style="bold"))
        first = {group.item_ids[0]: group.wish for group in reversed(event.groups) if group.item_ids}
        for position, hit in enumerate(event.items, start=1):
            if hit.item_id in first:
                self._console.print(Text(f"  {first[hit.item_id]}", style="underline"))
            self._console.print(Text(f"  {position}. {hit.title}  {sale_in_words(hit)}"))

    def _final(self, event: Ranked) -> None:
        """The final order, and why it is another than that of the first cards."""
        self._hits = {hit.item_id: hit for hit in event.items}
        same = [hit.item_id for hit in event.items] == self._provisional
        order = "as above" if same else self._titles(event.items)
        self._console.print(Text(f"Final order: {order}", style="bold"))
        for change in event.changes:
            self._console.print(Text(f"  {change.title}: {change.reason}", style="dim"))

    def _titles(self, hits: Iterable[Hit]) -> str:
        return ", ".join(hit.title for hit in hits)

    def _explanation(self, event: Explained) -> None:
        hit = self._hits.get(event.item_id)
        name = f"{hit.title}  {sale_in_words(hit)}" if hit else event.item_id
        self._console.print(Text(f"  {event.rank}. {name}", style="bold cyan"))
        self._console.print(Text(f"     {event.text}"))
