"""Running a suite: every case answered by one variant, kept as it ends, and paid for once."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.engines import open_engines
from assistant.errors import BadInput
from assistant.ingest.progress import Progress, SilentProgress
from assistant.settings import Settings
from eval.runs.answering import Answerer, ReadyTurn
from eval.runs.cache import AnswerCache
from eval.runs.folder import RunFolder, open_run
from eval.runs.manifest import answer_key, make_manifest, run_name
from eval.runs.needs import check_model, check_needs, needs_model, side_by_side
from eval.runs.opening import open_answerer
from eval.runs.reading import runs_folder, write_cases
from eval.runs.records import CaseAnswer, EvalVariant, RunManifest, TurnAnswer
from eval.runs.sources import catalogue_hash, server_version
from eval.runs.variants import variant_settings
from eval.runs.without import take_away
from eval.suite.catalogue import suite_pages, suite_settings
from eval.suite.media import Photos, ready_turn
from eval.suite.records import Case, Suite
from tools.store import Catalogue

TAG = "tag:"
NOTHING_LEFT = "Nothing of this turn is left to say."


@dataclass(frozen=True)
class ReadyCase:
    """A case whose attachments are made, with its answer's key."""

    case: Case
    turns: list[ReadyTurn | None]
    key: str


def run_suite(
    suite: Suite,
    variant: EvalVariant,
    settings: Settings,
    *,
    suite_file: str,
    seed: int | None = None,
    name: str | None = None,
    parallel: int | None = None,
    progress: Progress | None = None,
    only: Sequence[str] = (),
    fresh: bool = False,
) -> Path:
    """Answer a suite's cases, or go on with the run of this name where it was interrupted.

    Args:
        settings: the user's; what the variant changes is changed here, and the catalogue is the suite's.
        suite_file: where the suite was read from, for the manifest.
        seed: of the language model and of the random baseline; the settings' ``llm.seed`` when None.
        name: of the run's folder; made of suite, variant and a hash of all that the run depends on when None, so that
            the same command goes on with the same run.
        parallel: how many conversations at one time; see `side_by_side`.
        only: ids of cases, or ``tag:TAG``; all cases when empty.
        fresh: ask again what is in the cache, for the sake of its seconds.

    Returns:
        The run's folder, with every case answered.

    Raises:
        BadInput: no such case, variant or key; another run has this name.
        ServiceMissing: the language model or another part that the variant needs is not there.
        KeyboardInterrupt: after Ctrl-C; what was answered is kept.
    """
    progress = progress or SilentProgress()
    cases = chosen_cases(suite.suite, suite.cases, only)
    settings = _seeded(variant_settings(variant, settings), seed)
    check_needs(variant, settings)
    settings = suite_settings(suite, settings, progress=progress)
    catalogue = open_engines(settings).catalogue
    try:
        manifest = make_manifest(
            suite,
            variant,
            settings,
            suite_file=suite_file,
            cases=[case.id for case in cases],
            catalogue_sha256=catalogue_hash(catalogue, suite_pages(suite)),
            server=server_version(settings) if needs_model(variant) else None,
        )
        ready = list(_ready_cases(cases, suite, catalogue, manifest, settings, progress))
    finally:
        catalogue.close()
    manifest = manifest.model_copy(update={"run": name or run_name(manifest, [ready_case.key for ready_case in ready])})
    with open_run(runs_folder(settings) / manifest.run, manifest) as folder:
        _check_answered(ready, folder)
        write_cases(folder.path, cases)
        cache = AnswerCache(eval_folder(settings) / "cache", read=not fresh)
        _answer_all(ready, folder, settings, cache, side_by_side(variant, settings, parallel), progress)
        folder.finish()
    return folder.path


def eval_folder(settings: Settings) -> Path:
    """Where runs, their cached answers, attachments and catalogues lie."""
    return settings.home.expanduser().absolute() / "eval"


def chosen_cases(suite: str, cases: Sequence[Case], only: Sequence[str]) -> list[Case]:
    """The cases with these ids or tags, in the suite's order; all when none is named.

    Raises:
        BadInput: there is no such case or tag.
    """
    known_names = {case.id for case in cases} | {f"{TAG}{tag}" for case in cases for tag in case.tags}
    if unknown := next((name for name in only if name not in known_names), None):
        subject = f"tag {unknown.removeprefix(TAG)!r}" if unknown.startswith(TAG) else f"case {unknown!r}"
        raise BadInput(f"The suite {suite} has no {subject}; see: assistant eval list")
    requested = set(only)
    return [case for case in cases if not requested or requested & {case.id, *(f"{TAG}{tag}" for tag in case.tags)}]


def _seeded(settings: Settings, seed: int | None) -> Settings:
    if seed is None:
        return settings
    return settings.model_copy(update={"llm": settings.llm.model_copy(update={"seed": seed})})


def _ready_cases(
    cases: Sequence[Case],
    suite: Suite,
    catalogue: Catalogue,
    manifest: RunManifest,
    settings: Settings,
    progress: Progress,
) -> Iterator[ReadyCase]:
    """Make every case's attachments, and take away what the variant goes without."""
    photos, media = _photos(catalogue), eval_folder(settings) / "media"
    with progress.stage(f"{manifest.variant.name}, preparing", len(cases), "cases") as advance:
        for number, case in enumerate(cases, start=1):
            whole = [ready_turn(turn, suite, photos, media) for turn in case.turns]
            turns = [take_away(turn, manifest.variant.without) for turn in whole]
            yield ReadyCase(case, turns, answer_key(manifest, turns))
            advance(number)


def _check_answered(ready: Sequence[ReadyCase], folder: RunFolder) -> None:
    """Refuse to go on with a run whose answers are to other bytes.

    Raises:
        BadInput: an attachment is not what it was.
    """
    for ready_case in ready:
        if ready_case.case.id in folder.answered and folder.answered[ready_case.case.id].key != ready_case.key:
            raise BadInput(
                f"The attachments of the case {ready_case.case.id!r} are not what they were when the run "
                f"{folder.path.name} began; give another --name."
            )


def _photos(catalogue: Catalogue) -> Photos:
    def photo(item_id: str) -> Path | None:
        item = catalogue.get(item_id)
        return catalogue.image_path(item, 0) if item else None

    return photo


def _answer_all(
    ready: Sequence[ReadyCase],
    folder: RunFolder,
    settings: Settings,
    cache: AnswerCache,
    parallel: int,
    progress: Progress,
) -> None:
    """Take what is known from the run itself and from the cache, and have the rest answered."""
    with progress.stage(f"{folder.manifest.variant.name}, answering", len(ready), "cases") as advance:
        for ready_case in ready:
            if ready_case.case.id not in folder.answered and (cached := cache.get(ready_case.key, ready_case.case.id)):
                folder.append(cached)
        advance(len(folder.answered))

        def keep(answer: CaseAnswer) -> None:
            folder.append(answer)
            cache.put(answer)
            advance(len(folder.answered))

        open_cases = [ready_case for ready_case in ready if ready_case.case.id not in folder.answered]
        if open_cases:
            asyncio.run(_Asking(folder.manifest.variant, settings, keep).ask(open_cases, parallel))


@dataclass(frozen=True)
class _Asking:
    """Asks cases side by side and keeps each answer as soon as it is there."""

    variant: EvalVariant
    settings: Settings
    keep: Callable[[CaseAnswer], None]

    async def ask(self, cases: Sequence[ReadyCase], parallel: int) -> None:
        """Answer all cases; the first error that is no answer's own ends it.

        Raises:
            LLMUnavailable: the language model went away; the cases that it answered are kept.
        """
        waiting = iter(cases)
        async with open_answerer(self.variant, self.settings) as answerer:
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(min(parallel, len(cases))):
                        group.create_task(self._work(waiting, answerer))
            except ExceptionGroup as group_error:
                raise group_error.exceptions[0] from None

    async def _work(self, waiting: Iterator[ReadyCase], answerer: Answerer) -> None:
        for ready_case in waiting:
            answer = CaseAnswer(
                case=ready_case.case.id, key=ready_case.key, turns=await self._conversation(ready_case, answerer)
            )
            if needs_model(self.variant) and any(turn.model_failures for turn in answer.turns):
                await asyncio.to_thread(check_model, self.settings)  # gone, or only slow once
            self.keep(answer)

    async def _conversation(self, ready_case: ReadyCase, answerer: Answerer) -> list[TurnAnswer]:
        """All turns in one conversation, or each in one of its own where history is taken away."""
        parts = [[turn] for turn in ready_case.turns] if "history" in self.variant.without else [ready_case.turns]
        answers = []
        for part in parts:
            async with answerer.conversation() as conversation:
                for turn in part:
                    answers.append(await conversation.say(turn) if turn else TurnAnswer(error=NOTHING_LEFT))
        return answers
