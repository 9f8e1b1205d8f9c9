"""Peak memory of the whole system, stage by stage, from nothing to an answered turn."""

import asyncio
import tempfile
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from assistant.engines import open_engines
from assistant.errors import ProductError
from assistant.front import Assistant
from assistant.llm import server
from assistant.settings import Settings
from eval.bench.overhead import TURNS
from eval.bench.report import Result, Table, gib
from eval.bench.sampling import Watch
from eval.bench.stage import Stage, own_server
from eval.sample import photo, voice

TARGET = 9 * 2**30


def measure(stage: Stage) -> Result:
    """A server of its own (the user's is left alone), the engines, then a turn of text, photo and voice."""
    with stage.sample_catalogue() as data, tempfile.TemporaryDirectory() as folder:
        settings = own_server(data, Path(folder))
        watch = Watch(lambda: _server_pid(settings))
        watch.stage("modules imported, catalogue filled")
        with watch.running():
            watch.stage("vLLM starting")
            stage.say(f"starting a server of its own on port {settings.llm.port}")
            server.up(settings)
            try:
                asyncio.run(_turn(stage, settings, watch))
            finally:
                server.down(settings)
    return _result(watch)


async def _turn(stage: Stage, settings: Settings, watch: Watch) -> None:
    watch.stage("engines loading")
    async with Assistant(settings, engines=open_engines(settings)) as assistant:
        await assistant.warm_up()
        watch.stage("waiting for a message")
        await asyncio.sleep(2)
        watch.stage("turn of text, photo and voice")
        stage.say("one turn")
        (text, picture, recording), folder = TURNS[0], settings.data_folder / "asked"
        await assistant.reply(text, images=[photo(settings, picture, folder)], audio=[voice(recording, folder)])


def _server_pid(settings: Settings) -> int | None:
    with suppress(ProductError):
        return server.status(settings).pid
    return None


def _result(watch: Watch) -> Result:
    table = Table("Peak memory by stage", ["stage", "assistant", "vLLM", "together"])
    for peak in watch.peaks:
        table.add(peak.name, gib(peak.assistant), gib(peak.model_server), gib(peak.system))
    most = max(peak.system for peak in watch.peaks)
    result = Result("memory", [table])
    result.numbers = {"system_peak": most, "stages": [asdict(peak) for peak in watch.peaks]}
    result.notes = [
        f"Whole system: {gib(most)} at its peak (target: under {gib(TARGET)}).",
        "Proportional set size of all processes of a part: shared pages are shared out, nothing counts twice.",
    ]
    return result
