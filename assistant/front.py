"""The front door: open an assistant, send it messages, read events or the whole reply."""

import asyncio
import contextlib
import importlib
import logging
import os
import shutil
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, cast

from langchain_core.messages import HumanMessage

from assistant import unfinished
from assistant.agent.calls import functions
from assistant.agent.degradation import REHEARSING
from assistant.agent.feedback import Click
from assistant.agent.first_searches import planning_rules, usual_names
from assistant.agent.graph import Graph, build_graph
from assistant.agent.rank import explaining_messages
from assistant.agent.reading.heads import heads_for
from assistant.agent.reading.reader import MessageReader
from assistant.agent.receive import check_files
from assistant.agent.scores import keep, kept_scores
from assistant.agent.state import Request, TurnContext, TurnRules
from assistant.agent.steps import planner_in_force
from assistant.background import in_thread
from assistant.checkpoint_tables import KEPT
from assistant.claims import load_claims
from assistant.claims.entailment import entailment_for
from assistant.engines import entailment_in, media_limits
from assistant.errors import ConfigError, LLMBadReply, LLMUnavailable, ServiceMissing, SessionError
from assistant.impression_log import ImpressionLog
from assistant.insights.log import InsightLog, open_insights
from assistant.llm.adapters import adapter_in_force, prompts_in_force
from assistant.llm.client import ChatClient
from assistant.llm.profiles import endpoint
from assistant.privacy.masking import PiiMasker
from assistant.probe import load_tasks, probe
from assistant.records import LOCAL, ONLY_KEPT, Attachment, Done, Memory, PlannedCall, Reply, Step, TurnEvent
from assistant.sessions import SessionLog, check_session_id, new_session_id
from assistant.settings import Settings
from assistant.storage import SESSIONS, UPLOADS
from assistant.understanding.language import load_detector
from assistant.user_data import remove_sessions, tidy
from assistant.warming import SAMPLES, Load, RehearsalModel, WarmUp
from prompts import PromptError, check_folder
from tools.cores import usable_cores
from tools.engines.text import TextEncoder
from tools.errors import MediaError, StoreError, UnknownItem
from tools.records import ToolOutcome
from tools.stopping import stopped_by
from tools.taste.events import EventStore
from tools.taste.records import EventKind, Interaction
from tools.toolbox import Engines, build_tools, call_tool

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    from assistant.checkpoints import SessionSaver
    from assistant.checkpoints.server import ServerSaver

TOOL_THREADS = max(4, 2 * usable_cores())
"""Threads for tools, apart from those that only read files: models compute in them, and more would not be faster."""

TOOL_SECONDS = 60.0
"""Deadline of one tool call."""
NICENESS = 5

PREFIX_SECONDS = 30.0
"""How long the warm-up waits for the language model, which may be hanging."""
PROBE_SECONDS = 60.0
"""How long the warm-up probes a model of which nothing is known."""
MODELS: tuple[Literal["text", "pictures", "speech", "words"], ...] = ("text", "pictures", "speech", "words")

ITEM_PICTURE = "item:"
"""An image argument that names a catalogue item's own picture: ``item:ID``."""


@dataclass(frozen=True)
class _Parts:
    """What an open assistant works with."""

    log: SessionLog
    impressions: ImpressionLog
    saver: "SessionSaver | ServerSaver"
    graph: Graph
    engines: Engines
    chat: ChatClient
    tool_threads: ThreadPoolExecutor
    events: EventStore | None
    insights: InsightLog | None


class Assistant:
    """A running assistant over one catalogue; use it as an async context manager.

    >>> async with Assistant(load_settings()) as assistant:  # doctest: +SKIP
    ...     reply = await assistant.reply("a chair under 100 dollars")
    """

    def __init__(
        self,
        settings: Settings,
        *,
        engines: Engines | None = None,
        chat: ChatClient | None = None,
        rules: TurnRules | None = None,
    ) -> None:
        """``engines`` and ``chat`` are made from the settings unless given; ``rules`` are the defaults."""
        self.settings = settings
        self._rules = rules or TurnRules()
        self.border = PiiMasker(settings)
        self._injected = (engines, chat)
        self._stack = contextlib.AsyncExitStack()
        self._opened: _Parts | None = None
        self.warming = WarmUp()

    async def __aenter__(self) -> "Assistant":
        from assistant.checkpoints import open_saver  # loaded when an assistant is opened, beside other work
        from assistant.engines import open_engines  # loaded when an assistant is opened, beside other work

        check_prompts(self.settings.prompts)
        adapter_in_force(self.settings)  # one that cannot be used is told now, and not by a turn
        await asyncio.to_thread(tidy, self.settings)
        sessions = self.settings.place(SESSIONS)
        log = SessionLog(sessions)
        saver = await self._stack.enter_async_context(open_saver(sessions))
        engines, chat = self._injected
        self._opened = _Parts(
            log,
            ImpressionLog(sessions),
            saver,
            build_graph(saver),
            engines or open_engines(self.settings),
            chat or ChatClient(self.settings),
            ThreadPoolExecutor(TOOL_THREADS, thread_name_prefix="tool", initializer=_stand_back),
            EventStore.open(self.settings.place()) if self.settings.taste.enabled else None,
            _insights(self.settings),
        )
        if self._opened.insights:
            self._stack.callback(self._opened.insights.hold_open())
        if self._opened.events:
            self._stack.callback(self._opened.events.close)
        self._stack.callback(self._opened.tool_threads.shutdown, wait=False, cancel_futures=True)
        self._stack.push_async_callback(self._opened.chat.aclose)
        for session_id in await asyncio.to_thread(unfinished.take_ended, self.settings.data_folder):
            await self._drop_files(session_id)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def reply(
        self,
        text: str = "",
        *,
        images: Sequence[Path] = (),
        audio: Sequence[Path] = (),
        video: Sequence[Path] = (),
        session_id: str | None = None,
        top_n: int | None = None,
    ) -> Reply:
        """The whole reply of one turn; see `stream` for arguments and errors."""
        events = self.stream(text, images=images, audio=audio, video=video, session_id=session_id, top_n=top_n)
        last = [event async for event in events][-1]
        return cast(Done, last).reply

    def stream(
        self,
        text: str = "",
        *,
        images: Sequence[Path] = (),
        audio: Sequence[Path] = (),
        video: Sequence[Path] = (),
        session_id: str | None = None,
        top_n: int | None = None,
        owner: str = LOCAL,
        door: str = "python",
    ) -> AsyncIterator[TurnEvent]:
        """One turn as typed events; the last one is `Done` with the reply. Errors as of `answer`.

        Args:
            text: what the user wrote.
            images: pictures, as files.
            audio: recordings, as files.
            video: videos, as files.
            session_id: a session to go on with; a new one when None.
            top_n: how many recommendations; the setting's when None.
            owner: whose session it is, where this message begins it.
            door: where the message came in, for the insights.
        """
        return self.answer(
            Request(
                session_id=session_id or "",
                owner=owner,
                door=door,
                text=text,
                images=list(images),
                audio=list(audio),
                video=list(video),
                top_n=top_n or 0,
            )
        )

    async def answer(self, request: Request) -> AsyncIterator[TurnEvent]:
        """The same for a message with all that is known of it.

        Raises:
            BadInput: the message is empty, too long, or an attachment is unusable.
            SessionError: its ``session_id`` is not a session's id.
            StoreError: the catalogue cannot be read, or the turn cannot be kept; the session is as it was before.
        """
        request = request.model_copy(
            update={
                "session_id": check_session_id(request.session_id) if request.session_id else new_session_id(),
                "text": await asyncio.to_thread(self.border.text, request.text),
                "names": self.border.names(request.names, request.files),
                "top_n": request.top_n or self.settings.turn.top_n,
            }
        )
        await asyncio.to_thread(check_files, request, self.settings.limits, media_limits(self.settings))
        done: Done | None = None
        records: list[TurnEvent] = []
        with self._noted(request):
            try:
                async with contextlib.aclosing(self._run(request)) as events:  # type: ignore[type-var]
                    async for event in events:
                        if isinstance(event, Done):
                            done = event  # told when the turn is kept
                            continue
                        records.append(event)
                        if not isinstance(event, ONLY_KEPT):
                            yield event
            except BaseException as exc:
                if done is None or isinstance(exc, Exception):  # one that is stopped while it is kept may be kept
                    await self._drop_files(request.session_id)
                raise
        if done is not None:
            await asyncio.to_thread(self._note_beside, request, done, records)
            yield done

    def _noted(self, request: Request) -> contextlib.AbstractContextManager[None]:
        """What has the next start delete the turn's files when this process is killed meanwhile."""
        if request.files:
            return unfinished.noted(self.settings.data_folder, request.session_id)
        return contextlib.nullcontext()

    def _note_beside(self, request: Request, done: Done, records: Sequence[TurnEvent]) -> None:
        """Keep how a turn went and what is learned from it: the ranking, and what the message said of earlier ones."""
        with contextlib.suppress(StoreError):  # the turn itself is kept
            self.log.note_events(done.reply.session_id, records)
        self._parts.impressions.note(done.impression)
        if self._parts.insights:
            self._parts.insights.note(done, request.owner, request.door)
        if done.reply.cart:  # as if its button had been pressed
            with contextlib.suppress(StoreError):
                self.log.note_feedback(done.reply.session_id, done.reply.cart.item_id, "cart")
        if self._parts.events and done.done:
            with contextlib.suppress(StoreError):  # the turn is kept and stands, as the session remembers it
                self._parts.events.add(done.done)

    async def _run(self, request: Request) -> AsyncIterator[TurnEvent]:
        config: Any = {"configurable": {"thread_id": request.session_id}}
        pressed = await asyncio.to_thread(self.log.feedback, request.session_id)
        context = await asyncio.to_thread(self._context, request, [Click(*press) for press in pressed])
        async for event in self._parts.graph.astream(
            {"request": request},
            config,
            context=context,
            stream_mode="custom",
            durability="exit",
        ):
            yield cast(TurnEvent, event)

    async def _drop_files(self, session_id: str) -> None:
        """Delete the files of a turn that was not kept: those of the session that it does not remember."""
        folder = self.uploads(session_id)
        if not await asyncio.to_thread(folder.is_dir):
            return
        # Before the memory is read: a turn on another machine may add to both, and its files are not here before.
        paths = await asyncio.to_thread(lambda: list(folder.iterdir()))
        try:
            attachments = (await self.memory(session_id)).attachments.values()
            remembered = {Path(attachment.path).name for attachment in attachments}
        except SessionError:
            remembered = set()
        for path in paths:
            if path.name not in remembered:
                with contextlib.suppress(StoreError):  # it is deleted with its session
                    await asyncio.to_thread(self.settings.files.delete, path)

    async def memory(self, session_id: str) -> Memory:
        """What a session remembers.

        Raises:
            SessionError: there is no such session.
        """
        config: Any = {"configurable": {"thread_id": check_session_id(session_id)}}
        state = await self._parts.graph.aget_state(config)
        memory = state.values.get("kept")
        if memory is None:
            raise SessionError(f"There is no session {session_id!r}.")
        return cast(Memory, memory)

    async def note(self, session_id: str, item_id: str, event: EventKind) -> None:
        """Keep what a user did with an item: in the session, and, if ``taste.enabled``, as an event of its owner.

        In a conversation for somebody else it stays in the session: it says nothing of the owner's own taste.

        Raises:
            SessionError: there is no such session.
            UnknownItem: the catalogue has no such item.
            StoreError: it cannot be kept now.
        """
        is_own = await self._is_own(check_session_id(session_id))
        await asyncio.to_thread(self._note, session_id, item_id, event, is_own=is_own)

    async def _is_own(self, session_id: str) -> bool:
        """Whether a conversation is about what its owner wants for themselves."""
        try:
            return not (await self.memory(session_id)).for_other
        except SessionError:
            return True  # nothing was said in it yet

    def _note(self, session_id: str, item_id: str, event: EventKind, *, is_own: bool) -> None:
        session = self.log.session(session_id)
        if self._parts.engines.catalogue.get(item_id) is None:
            raise UnknownItem(f"The catalogue has no item {item_id!r}.")
        self.log.note_feedback(session_id, item_id, event)
        if self._parts.events and is_own:
            done = Interaction(user=session.owner, item_id=item_id, event=event, at=time.time())
            self._parts.events.add([done])

    async def forget(self, session_id: str) -> None:
        """Delete a session: its replies, what it remembers, and its files.

        The bytes are overwritten at once, or, where something else holds on to the file, by the next `tidy`.

        Raises:
            StoreError: the sessions cannot be written now.
        """
        check_session_id(session_id)
        insights = await asyncio.to_thread(open_insights, self.settings.place())
        if insights:
            await asyncio.to_thread(insights.forget_session, session_id)
        await asyncio.to_thread(remove_sessions, self.settings, self.log, [session_id])
        try:
            await asyncio.to_thread(self.log.vacuum_securely)
            if insights:
                await asyncio.to_thread(insights.vacuum_securely)
        except StoreError as exc:
            logger.warning("what was deleted is overwritten later: %s", exc)

    async def branch(self, session_id: str, turns: int) -> str:
        """Begin a session with what another one remembered after so many turns; the other stays as it is.

        Returns:
            The new session's id.

        Raises:
            SessionError: there is no such session, it had fewer turns, or that turn is too long ago.
        """
        memory, new_id = await self._memory_after(session_id, turns), new_session_id()
        attachments = await asyncio.to_thread(self._copied, memory.attachments, session_id, new_id)
        branch_memory = memory.model_copy(update={"attachments": attachments})
        config: Any = {"configurable": {"thread_id": new_id}}
        await asyncio.to_thread(self._parts.log.copy, session_id, new_id, turns)  # first: a checkpoint has a session
        await self._parts.graph.aupdate_state(config, {"kept": branch_memory}, as_node="respond")
        return new_id

    async def _memory_after(self, session_id: str, turns: int) -> Memory:
        config: Any = {"configurable": {"thread_id": check_session_id(session_id)}}
        async for state in self._parts.graph.aget_state_history(config):
            memory = state.values.get("kept")
            if memory is not None and memory.turns == turns:
                return cast(Memory, memory)
        raise SessionError(
            f"The session {session_id!r} has no turn {turns} that another one can begin at; what it remembered is kept "
            f"of its last {KEPT} turns, and of the last one alone after a week."
        )

    def uploads(self, session_id: str) -> Path:
        """Where a session's pictures and recordings lie."""
        return self.settings.data_folder / UPLOADS / session_id

    def file_of(self, attachment: Attachment, session_id: str) -> Path | None:
        """The file of a session's attachment in this machine's folder, fetched if need be; None: it is gone.

        Raises:
            StoreError: it cannot be fetched now.
        """
        stored, files = Path(attachment.path), self.settings.files
        here = self.uploads(session_id) / stored.name  # the path is that of the machine that took it
        places = (here,) if files.is_shared else (stored, here)
        return next((path for path in places if files.fetch(path)), None)

    def _copied(self, attachments: dict[str, Attachment], session_id: str, new_id: str) -> dict[str, Attachment]:
        """Attachments with files of their own in a new session; one whose file is gone is left out."""
        copied, folder = {}, self.uploads(new_id)
        for name, attachment in attachments.items():
            if source := self.file_of(attachment, session_id):
                folder.mkdir(parents=True, exist_ok=True)
                target = Path(shutil.copyfile(source, folder / source.name))
                self.settings.files.put(target)
                copied[name] = attachment.model_copy(update={"path": str(target)})
        return copied

    async def warm_up(self) -> None:
        """Load what the first turn would load, and have the server read the fixed part of the first prompt.

        `warming` names what is missing until then. What cannot be loaded is reported by the turn that needs it.
        """
        engines = self._parts.engines
        models: dict[str, Load] = {name: partial(in_thread, partial(engines.load, name)) for name in MODELS}
        others: dict[str, Load] = {
            "languages": partial(in_thread, load_detector),
            "claims": partial(in_thread, load_claims),
            "personal data": partial(in_thread, self.border.warm_up),
            "language model": self._warm_prefix,
        }
        await self.warming.run([models | others, {"rehearsal": self._rehearse}])

    async def _warm_prefix(self) -> None:
        await in_thread(partial(importlib.import_module, "langchain_openai"))
        chat = self._parts.chat.for_turn()
        with contextlib.suppress(LLMUnavailable, LLMBadReply, ConfigError):
            await self._probe_once(chat)
            if planner_in_force(self.settings) == "model":
                names = usual_names(await asyncio.to_thread(self._parts.engines.catalogue.vocabulary))
                messages = [*planning_rules(names, prompts_in_force(self.settings)), HumanMessage(content="Hello")]
                await chat.call_tools(messages, functions(), purpose="warm-up", max_tokens=1, timeout=PREFIX_SECONDS)
            else:
                explaining = explaining_messages("", [], "en", prompts_in_force(self.settings))
                await chat.complete_text(explaining, purpose="warm-up", max_tokens=1, timeout=PREFIX_SECONDS)

    async def _probe_once(self, chat: ChatClient) -> None:
        """Probe a model of which nothing is known; one that is too slow for it is probed by `assistant llm probe`."""
        if not self.settings.llm.probe or kept_scores(self.settings) is not None:
            return
        with contextlib.suppress(OSError):  # too late, or a folder that cannot be written
            async with asyncio.timeout(PROBE_SECONDS):
                entailment = await asyncio.to_thread(entailment_in, self._parts.engines, self.settings)
                keep(self.settings, await probe(chat, self.settings, load_tasks(), entailment=entailment))

    async def _rehearse(self) -> None:
        """Answer messages as turns do, without the language model, and keep nothing of them."""
        REHEARSING.set(True)  # in the context of this step's task alone
        await self._rehearse_pictures()
        graph = build_graph(None)
        for text in SAMPLES:
            masked = await asyncio.to_thread(self.border.text, text)
            request = Request(session_id=new_session_id(), text=masked)
            context = replace(self._context(request, []), chat=RehearsalModel(self.settings))
            async for _ in graph.astream({"request": request}, context=context, stream_mode="custom"):
                pass

    async def _rehearse_pictures(self) -> None:
        with TemporaryDirectory() as folder:
            picture = Path(folder) / "grey.png"
            await asyncio.to_thread(_draw, picture)
            for tool in ("describe_image", "search_by_image"):
                await self.call_tool(tool, {"image": picture.name}, lambda _: picture)

    @property
    def log(self) -> SessionLog:
        """Every reply that was given, by session."""
        return self._parts.log

    @property
    def impressions(self) -> ImpressionLog:
        """Every ranking that was shown, by session."""
        return self._parts.impressions

    @property
    def _parts(self) -> "_Parts":
        if self._opened is None:
            raise RuntimeError("Open the assistant with 'async with' first.")
        return self._opened

    @property
    def engines(self) -> Engines:
        """The models and the catalogue."""
        return self._parts.engines

    @property
    def chat(self) -> ChatClient:
        """The language model."""
        return self._parts.chat

    def count(self) -> int:
        """How many items the catalogue holds."""
        return self._parts.engines.catalogue.count()

    async def call_tool(
        self, name: str, arguments: dict[str, Any], resolve: Callable[[str], Path], *, user: str | None = None
    ) -> ToolOutcome:
        """Call one tool within its deadline, `TOOL_SECONDS`; whatever goes wrong is in the outcome.

        Args:
            resolve: gives the file behind an ``image`` or ``audio`` argument; raises `BadInput` for one that is not
                there. It runs in the tool's thread.
            user: for whom it is called, as a pseudonym; None: the tool knows nobody.
        """
        deadline, toolset = TOOL_SECONDS, build_tools(self._parts.engines, resolve, user)
        began, stop = time.perf_counter(), threading.Event()
        try:
            with stopped_by(stop):
                work = partial(copy_context().run, call_tool, toolset, name, arguments)
                calling = asyncio.get_running_loop().run_in_executor(self._parts.tool_threads, work)
                return await asyncio.wait_for(calling, deadline)
        except TimeoutError:
            error, seconds = f"it took longer than {deadline:g} seconds", round(time.perf_counter() - began, 3)
            return ToolOutcome(ok=False, error=error, failure="late", seconds=seconds)
        finally:
            stop.set()  # the caller was cancelled, or will not wait any longer

    def item_picture(self, reference: str) -> Path | None:
        """The picture that ``item:ID`` names; None when it is something else, or the item has no picture here."""
        if not reference.startswith(ITEM_PICTURE):
            return None
        catalogue = self._parts.engines.catalogue
        item = catalogue.get(reference.removeprefix(ITEM_PICTURE))
        return catalogue.image_path(item, 0) if item else None

    def _resolve(self, reference: str, attachments: dict[str, Attachment], session_id: str) -> Path:
        """The file behind an attachment id, or an item's picture; never a path of the model's own making."""
        if reference in attachments:
            if path := self.file_of(attachments[reference], session_id):
                return path
            raise MediaError(f"The file of {reference} is gone.")
        if path := self.item_picture(reference):
            return path
        ids = ", ".join(attachments) or "none"
        raise MediaError(f"There is no attachment {reference!r}; known: {ids}.")

    def _context(self, request: Request, pressed: Sequence[Click]) -> TurnContext:
        catalogue = self._parts.engines.catalogue
        encoder, model = self._text_encoder(), self.settings.text.model
        is_read = self.settings.text.gives_token_states
        heads = heads_for(model) if is_read else None
        return TurnContext(
            settings=self.settings,
            catalogue=catalogue,
            vocabulary=catalogue.vocabulary(),
            chat=self._parts.chat.for_turn(request.session_id),
            reader=MessageReader(encoder, heads, catalogue, led=planner_in_force(self.settings) == "model"),
            run_tool=partial(self._run_tool, user=request.owner, session_id=request.session_id),
            uploads=self.uploads(request.session_id),
            models=model_names(self.settings),
            rules=self._rules,
            user=request.owner,
            taste=self._parts.engines.taste,
            entailment=entailment_for(model, encoder) if encoder and is_read else None,
            pressed=pressed,
            reads_pictures=self._parts.engines.words is not None,
        )

    def _text_encoder(self) -> TextEncoder | None:
        """The text encoder, where it is there and can read messages."""
        with contextlib.suppress(ServiceMissing):
            encoder = self._parts.engines.text
            return encoder if isinstance(encoder, TextEncoder) else None
        return None

    async def _run_tool(
        self, call: PlannedCall, attachments: dict[str, Attachment], *, user: str, session_id: str
    ) -> tuple[Step, dict[str, Any] | None]:
        """Run one tool with its deadline; a tool that overruns it is a failed step, and the turn goes on."""
        outcome = await self.call_tool(
            call.tool, call.arguments, lambda ref: self._resolve(ref, attachments, session_id), user=user
        )
        result = {"ok": outcome.ok, "error": outcome.error, "failure": outcome.failure}
        return Step(**call.model_dump(), **result, seconds=round(outcome.seconds, 3)), self.border.outcome(
            call.tool, outcome.result
        )


def _insights(settings: Settings) -> InsightLog | None:
    """Where turns are noted; None where they are not to be, or the file cannot be used, which keeps nobody waiting."""
    try:
        return InsightLog(settings.place()) if settings.privacy.insights else None
    except StoreError as exc:
        logger.warning("no insights are kept: %s", exc)
        return None


def _draw(path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (64, 64), "grey").save(path)


def check_prompts(folder: Path | None) -> None:
    """Refuse a folder of prompts that cannot stand in for the product's own, before a turn needs one.

    Raises:
        ConfigError: what is wrong with it.
    """
    try:
        if folder is not None:
            check_folder(folder)
    except PromptError as exc:
        raise ConfigError(str(exc)) from exc


def model_names(settings: Settings) -> dict[str, str]:
    """The models that answer, by role."""
    encoder = settings.vision.encoder
    picture = f"conse:{settings.vision.classifier}" if encoder == "conse" else settings.vision.clip_model
    return {
        "llm": endpoint(settings).model,
        "speech": f"{settings.speech.engine}:{settings.speech.model}",
        "picture": picture,
        "text": settings.text.model,
    }


def _stand_back() -> None:
    """Let the thread that answers requests go first: a tool's thread, and those that its models start, are nicer."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
