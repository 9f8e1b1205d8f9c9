"""What a turn of text, photo and voice costs, and how much of it is the assistant's own work."""

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import httpx

from assistant.engines import open_engines
from assistant.front import Assistant
from assistant.llm.profiles import endpoint
from assistant.records import Done, Explained, Provisional, Ranked, Reply, StepFinished, TurnEvent
from assistant.settings import Settings
from eval.bench.report import Result, Table, percent
from eval.bench.stage import Stage
from eval.bench.timed import timed
from eval.bench.wire import HttpExchange, RecordingProxy, Span, covered, recording, rounds, side_by_side
from eval.sample import photo, voice

TARGET_OWN_SHARE = 0.05
TARGET_ROUNDS = 3

TURNS = [
    ("I like the shoes in my photo, but in black please.", "chuttersnap-584518-unsplash.jpg", "voice-budget.flac"),
    ("I want a plant for my desk.", "zoltan-kovacs-642412-unsplash.jpg", "plant-under-ten.flac"),
    ("A lamp shade like this one for my room.", "pierre-chatel-innocenti-483198-unsplash.jpg", "under-thirty.flac"),
    ("a running shoe for under 90 dollars", "", ""),
    ("something for a small desk, nothing above 50 dollars", "", ""),
    ("shoes like these, please", "chuttersnap-584518-unsplash.jpg", ""),
    ("a chair that goes with this one", "pierre-chatel-innocenti-483198-unsplash.jpg", ""),
]
"""Text, the sample picture that the photo is made from, and the voice note; empty: the turn has none."""


@dataclass(frozen=True)
class MeasuredTurn:
    """One measured turn."""

    reply: Reply
    seconds: float
    exchanges: list[HttpExchange]
    computing: list[Span]
    moments: dict[str, float]
    """Seconds from sending to: ``searches`` (the end of the last tool before the first cards), ``cards`` (the first),
    ``order`` (the final one), ``sentences`` (the last explanation)."""

    @property
    def model_seconds(self) -> float:
        """Seconds in which the language model had at least one request."""
        return covered([exchange.span for exchange in self.exchanges])

    @property
    def engine_seconds(self) -> float:
        """Seconds in which an encoder or Whisper computed."""
        return covered(self.computing)

    @property
    def own_seconds(self) -> float:
        """Seconds in which no model of any kind worked: the assistant's own overhead."""
        return self.seconds - covered([*(exchange.span for exchange in self.exchanges), *self.computing])

    @property
    def explanations(self) -> list[HttpExchange]:
        """The requests for plain text: one an item."""
        return [exchange for exchange in self.exchanges if exchange.purpose == "text"]


def measure(stage: Stage) -> Result:
    """Turns of text, photo and voice note, of text, and of text and photo, on loaded engines and a warm server."""
    with stage.language_model(stage.settings), stage.sample_catalogue() as settings:
        base_url = endpoint(stage.settings).base_url
        with recording(base_url) as wire:
            before = prefix_cache(base_url)
            turns = asyncio.run(_turns(stage, through(settings, wire), wire))
            after = prefix_cache(base_url)
    result = Result(
        "overhead",
        [_turn_table(turns), _moments_table(turns), _request_table(turns), _prefix_table(turns, before, after)],
    )
    own = sum(turn.own_seconds for turn in turns) / sum(turn.seconds for turn in turns)
    result.numbers = {
        "own_share": own,
        "rounds_max": max(_rounds(turn) for turn in turns),
        "prompt_tokens": [sum(exchange.prompt_tokens for exchange in turn.exchanges) for turn in turns],
        "prefix_cache": {"queries": after[0] - before[0], "hits": after[1] - before[1]},
        "turns": [_numbers(turn) for turn in turns],
    }
    result.notes = [
        f"Own share of all turns: {percent(own)} (target: at most {percent(TARGET_OWN_SHARE)}); "
        f"model rounds one after another: at most {result.numbers['rounds_max']} (target: {TARGET_ROUNDS}).",
        "Own: seconds in which neither the language model nor Whisper nor an encoder was at work.",
    ]
    return result


def through(settings: Settings, wire: RecordingProxy) -> Settings:
    """The same settings, speaking to the relay."""
    if settings.llm.profile == "remote":
        change: dict[str, object] = {"base_url": f"http://127.0.0.1:{wire.port}/v1"}
    else:
        change = {"host": "127.0.0.1", "port": wire.port}
    return settings.model_copy(update={"llm": settings.llm.model_copy(update=change)}, deep=True)


def prefix_cache(base_url: str) -> tuple[float, float]:
    """Prompt tokens looked up in vLLM's prefix cache so far, and found there; zeros where the server says nothing."""
    try:
        text = httpx.get(base_url.removesuffix("/v1") + "/metrics", timeout=30).text
    except httpx.HTTPError:
        return 0.0, 0.0

    def total(name: str) -> float:
        values = re.findall(rf"^vllm:{name}(?:_total)?(?:\{{[^}}]*\}})? (\S+)$", text, re.MULTILINE)
        return sum(float(value) for value in values)

    return total("prefix_cache_queries"), total("prefix_cache_hits")


async def _turns(stage: Stage, settings: Settings, wire: RecordingProxy) -> list[MeasuredTurn]:
    engines, spans = timed(open_engines(settings))
    measured_turns: list[MeasuredTurn] = []
    async with Assistant(settings, engines=engines) as assistant:
        stage.say("loading the engines")
        await assistant.warm_up()
        for number, (text, picture, recording_name) in enumerate(TURNS, start=1):
            stage.say(f"turn {number} of {len(TURNS)}: {text}")
            folder = settings.data_folder / "asked"
            images = [photo(settings, picture, folder)] if picture else []
            audio = [voice(recording_name, folder)] if recording_name else []
            measured_turns.append(await _turn(assistant, text, images, audio, wire, spans))
    return measured_turns


async def _turn(
    assistant: Assistant, text: str, images: list[Path], audio: list[Path], wire: RecordingProxy, spans: list[Span]
) -> MeasuredTurn:
    began = time.perf_counter()
    moments: dict[str, float] = {}
    event: TurnEvent | None = None
    async for event in assistant.stream(text, images=images, audio=audio):
        _note(moments, event, time.perf_counter() - began)
    if not isinstance(event, Done):
        raise TypeError("a turn's last event is its end")
    seconds = time.perf_counter() - began
    return MeasuredTurn(event.reply, seconds, wire.since(began), [span for span in spans if span[0] >= began], moments)


def _note(moments: dict[str, float], event: TurnEvent, now: float) -> None:
    match event:
        case StepFinished() if "cards" not in moments:
            moments["searches"] = now
        case Provisional():
            moments.setdefault("cards", now)
        case Ranked():
            moments["order"] = now
        case Explained():
            moments["sentences"] = now


def _rounds(turn: MeasuredTurn) -> int:
    return rounds([exchange.span for exchange in turn.exchanges])


def _turn_table(turns: Sequence[MeasuredTurn]) -> Table:
    table = Table(
        "Turns (seconds): 1 to 3 of text, photo and voice, 4 and 5 of text, 6 and 7 of text and photo",
        [
            "turn",
            "total",
            "LLM",
            "encoders, Whisper",
            "own",
            "own share",
            "LLM rounds",
            "LLM requests",
            "prompt tokens",
        ],
    )
    for number, turn in enumerate(turns, start=1):
        table.add(
            str(number), turn.seconds, turn.model_seconds, turn.engine_seconds, turn.own_seconds,
            percent(turn.own_seconds / turn.seconds), _rounds(turn), len(turn.exchanges),
            sum(exchange.prompt_tokens for exchange in turn.exchanges),
        )  # fmt: skip
    return table


def _moments_table(turns: Sequence[MeasuredTurn]) -> Table:
    columns = ["turn", "searches done", "first cards", "over searches", "final order", "last sentence", "done"]
    table = Table("When it is there (seconds from sending)", columns)
    for number, turn in enumerate(turns, start=1):
        moments = turn.moments
        over = moments["cards"] / moments["searches"] if {"cards", "searches"} <= moments.keys() else None
        table.add(
            str(number), moments.get("searches"), moments.get("cards"), over, moments.get("order"),
            moments.get("sentences"), turn.seconds,
        )  # fmt: skip
    return table


def _request_table(turns: Sequence[MeasuredTurn]) -> Table:
    """By kind of request; explanations with what asking side by side saves."""
    table = Table(
        "Requests to the language model", ["asked for", "requests", "seconds each", "prompt tokens", "answer tokens"]
    )
    exchanges = [exchange for turn in turns for exchange in turn.exchanges]
    for purpose in sorted({exchange.purpose for exchange in exchanges}):
        of_it = [exchange for exchange in exchanges if exchange.purpose == purpose]
        answer_tokens = [
            int((exchange.response.get("usage") or {}).get("completion_tokens") or 0) for exchange in of_it
        ]
        name = "explanation" if purpose == "text" else purpose
        seconds = mean(exchange.ended - exchange.began for exchange in of_it)
        table.add(name, len(of_it), seconds, round(mean(e.prompt_tokens for e in of_it)), round(mean(answer_tokens)))
    return table


def _prefix_table(turns: Sequence[MeasuredTurn], before: tuple[float, float], after: tuple[float, float]) -> Table:
    table = Table("Side by side, and the prefix cache", ["what", "value"])
    spans = [[exchange.span for exchange in turn.explanations] for turn in turns]
    alone = sum(ended - began for of_turn in spans for began, ended in of_turn)
    together = sum(covered(of_turn) for of_turn in spans)
    table.add("explanations open at one moment", max((side_by_side(of_turn) for of_turn in spans), default=0))
    table.add("seconds of explanations, added up / as they ran", f"{alone:.1f} / {together:.1f}")
    queries, hits = after[0] - before[0], after[1] - before[1]
    table.add("prompt tokens looked up in the cache", round(queries))
    table.add("of which it served", percent(hits / queries if queries else None))
    for purpose in sorted({exchange.purpose for turn in turns for exchange in turn.exchanges}):
        systems = {e.system for turn in turns for e in turn.exchanges if e.purpose == purpose}
        name = "explanation" if purpose == "text" else purpose
        table.add(f"system prefix of {name} byte-identical in all turns", len(systems) == 1)
    return table


def _numbers(turn: MeasuredTurn) -> dict[str, object]:
    start = turn.exchanges[0].began if turn.exchanges else 0.0
    return {
        "seconds": turn.seconds,
        "moments": turn.moments,
        "model": turn.model_seconds,
        "engines": turn.engine_seconds,
        "own": turn.own_seconds,
        "rounds": _rounds(turn),
        "requests": [[exchange.purpose, exchange.began - start, exchange.ended - start] for exchange in turn.exchanges],
        "steps": [step.model_dump() for step in turn.reply.steps],
        "timings": turn.reply.timings.model_dump(),
        "usage": turn.reply.usage.model_dump(),
        "degraded": turn.reply.degraded,
    }
