"""The turn's steps from message to what the certain searches find: receive, preprocess, plan, listen. One function a
step; `listen` comes after the first cards."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

from langgraph.runtime import Runtime

from assistant.agent.degradation import say_without
from assistant.agent.evidence import clock
from assistant.agent.feedback import with_buttons, with_words
from assistant.agent.first_searches import FILE_ARGUMENT, certain_calls, usual_names
from assistant.agent.personalization import TASTE_TOOL, TASTE_TOOLS, UserContext, candidates_for_user, load_user_context
from assistant.agent.picture_words import by_frame, named_in
from assistant.agent.question_back import is_open
from assistant.agent.receive import check_request, noted, take_attachments, without_dropped
from assistant.agent.relaxation import relax
from assistant.agent.relevance import best_scores, is_certain, is_near_enough, relevant_ids, same_kind_ids
from assistant.agent.role_questions import with_questions
from assistant.agent.sounds import sounds_to_search_by
from assistant.agent.state import (
    Emit,
    Plan,
    Request,
    SearchResult,
    TurnContext,
    TurnState,
    Unheard,
    WishSearch,
    a_video_says_wishes,
    said_by,
    wishes_heard,
)
from assistant.agent.wishes import MOST_WISHES, joined, left_out, searches_for
from assistant.records import (
    Accepted,
    Attachment,
    ImageLabels,
    Memory,
    PlannedCall,
    Relaxation,
    Step,
    StepFinished,
    StepStarted,
    Transcription,
    TurnEvent,
    VideoLabels,
)
from assistant.understanding import Understanding, Utterance, is_untranslated, to_filters
from assistant.understanding.attributes import attribute_of
from prompts import languages, say
from tools.errors import MediaError, ProductError
from tools.records import (
    Filters,
    Hit,
    Item,
    Label,
    PictureDescription,
    PictureText,
    Transcript,
    VideoDescription,
)
from tools.search import POOL
from tools.search_by_text import WORDS_ONLY
from tools.stopping import to_its_end
from tools.store.offers import offered

MOST_OVER = 5.0
"""How many times the limit an item may cost that is shown although it is over it."""

_LIMITS = ("min_price", "max_price")

MOST_READ = 50
"""Names in pictures that a session remembers."""

SPREAD = 6
"""From how many categories, those of most items, a spread is put together."""

MENTIONED, MOST_MENTIONED = 60, 5
"""Characters and number of the constraints named as unusable."""

MOST_LABELS = 5
"""Of a video, all frames together."""

_DESCRIBE_VIDEO: Final = "describe_video"

Update = dict[str, Any]
Result = tuple[PlannedCall, Step, dict[str, Any] | None]


async def receive(state: TurnState, runtime: Runtime[TurnContext]) -> Update:
    """Check the message and take its attachments; every channel of an earlier turn is reset here."""
    request, memory = state["request"], state.get("kept") or _begun(state["request"])
    check_request(request, runtime.context.settings.limits)
    memory = await asyncio.to_thread(_with_buttons, without_dropped(request, memory), runtime.context)
    context = runtime.context
    attachments = await to_its_end(take_attachments, request, memory, context.uploads, context.settings.files)
    runtime.stream_writer(Accepted(attachments=noted(attachments), taken=attachments, said=request.text))
    by_id = memory.attachments | {attachment.id: attachment for attachment in attachments}
    return {
        "request": request.without_files(),
        "memory": memory.model_copy(update={"attachments": by_id}),
        "attachments": attachments,
        "heard": [], "seen": [], "read": [], "watched": [], "sounding": [], "steps": [], "searches": [],
        "candidates": [],
        "recommendations": [], "changes": [], "message": "", "evidence": [], "cart": None, "question": None,
        "degraded": [], "model_out": False,
    }  # fmt: skip


def _with_buttons(memory: Memory, context: TurnContext) -> Memory:
    new_clicks = [press for press in context.pressed if press.at > memory.pressed_until]
    items = context.catalogue.get_many([press.item_id for press in new_clicks]) if new_clicks else {}
    return with_buttons(memory, new_clicks, {item_id: item.title for item_id, item in items.items()})


def _begun(request: Request) -> Memory:
    """The memory of a new session; it speaks the language of the client's interface until words tell another."""
    language = request.language.replace("_", "-").partition("-")[0].lower()
    return Memory(language=language) if language in languages() else Memory()


async def preprocess(state: TurnState, runtime: Runtime[TurnContext]) -> Update:
    """Start at once what an attachment makes certain: transcribe, describe or read it, all side by side.

    What is said in a video is left to `listen`: Whisper takes longer than all the rest together.

    Raises:
        MediaError: an attachment cannot be read. A missing model or a failing engine is only noted.
    """
    calls = [
        PlannedCall(tool=tool, arguments=arguments, origin="anticipated")
        for attachment in state["attachments"]
        for tool, arguments in _certain_for(attachment, runtime.context)
    ]
    results = await run_calls(calls, state, runtime)
    _refuse_unreadable(state["attachments"], [step for _, step, _ in results])
    videos = _watched(results)
    transcriptions = [
        Transcription(attachment=c.arguments["audio"], transcript=Transcript.model_validate(r))
        for c, _, r in results
        if r and c.tool == "transcribe_audio"
    ] + _said_in(videos)
    image_labels = [
        ImageLabels(attachment=c.arguments["image"], description=PictureDescription.model_validate(r))
        for c, _, r in results
        if r and c.tool == "describe_image"
    ] + [ImageLabels(attachment=video.attachment, description=_as_picture(video.description)) for video in videos]
    # searching by a video needs no description of it, which may have taken too long
    undescribed = PictureDescription(labels=[], width=0, height=0)
    image_labels += [
        ImageLabels(attachment=c.arguments["video"], description=undescribed)
        for c, _, r in results
        if r is None and c.tool == _DESCRIBE_VIDEO
    ]
    readings = [
        reading
        for c, _, r in results
        if r and c.tool == "read_text"
        for reading in by_frame(str(c.arguments.get("image") or c.arguments["video"]), PictureText.model_validate(r))
    ]
    language, recordings = state["memory"].language, [one for one in state["attachments"] if one.kind == "audio"]
    text, catalogue = state["request"].text, runtime.context.catalogue
    sounding = await asyncio.to_thread(sounds_to_search_by, text, recordings, transcriptions, catalogue)
    state = {**state, "heard": transcriptions, "seen": image_labels, "watched": videos, "sounding": sounding}
    degraded = [*_unusable_recordings(state), *_left_out_of(videos), *failures(results, language)]
    unheard = [one.attachment for one in videos if one.description.has_sound and not one.description.transcript]
    return {
        "heard": transcriptions,
        "sounding": sounding,
        "seen": image_labels,
        "read": readings,
        "watched": videos,
        "unheard": Unheard(unheard, state["memory"], degraded) if unheard else None,
        "steps": [step for _, step, _ in results],
        "degraded": degraded,
    }


def _certain_for(attachment: Attachment, context: TurnContext) -> list[tuple[str, dict[str, Any]]]:
    """The tools that an attachment is given to, each with its arguments."""
    match attachment.kind:
        case "audio":
            return [("transcribe_audio", {"audio": attachment.id})]
        case "video":
            seen: tuple[str, dict[str, Any]] = _DESCRIBE_VIDEO, {"video": attachment.id, "sound": False}
        case _:
            seen = "describe_image", {"image": attachment.id}
    argument = "video" if attachment.kind == "video" else "image"
    return [seen, *([("read_text", {argument: attachment.id})] if context.reads_pictures else [])]


async def listen(state: TurnState, runtime: Runtime[TurnContext]) -> Update:
    """Write down what is said in the message's videos. Where that is a wish, the turn is to be planned anew."""
    unheard = state["unheard"]
    if unheard is None:
        return {}
    calls = [
        PlannedCall(tool=_DESCRIBE_VIDEO, arguments={"video": video}, origin="anticipated") for video in unheard.videos
    ]
    results = await run_calls(calls, state, runtime)
    listened = _watched(results)
    by_id = {video.attachment: video for video in (*state["watched"], *listened)}
    update: Update = {
        "heard": [*state["heard"], *_said_in(listened)],
        "watched": list(by_id.values()),
        "unheard": None,
        "steps": [*state["steps"], *(step for _, step, _ in results)],
    }
    before = state["degraded"]
    if a_video_says_wishes({**state, **update}):  # type: ignore[typeddict-item]
        before = unheard.degraded
        update["memory"] = unheard.memory
    notes = [*_left_out_of(listened), *failures(results, state["memory"].language)]
    return {**update, "degraded": [*before, *notes]}


def _watched(results: Sequence[Result]) -> list[VideoLabels]:
    return [
        VideoLabels(attachment=call.arguments["video"], description=VideoDescription.model_validate(result))
        for call, _, result in results
        if result and call.tool == _DESCRIBE_VIDEO
    ]


def _said_in(videos: Sequence[VideoLabels]) -> list[Transcription]:
    return [
        Transcription(attachment=video.attachment, transcript=video.description.transcript)
        for video in videos
        if video.description.transcript and video.description.transcript.spoken
    ]


def _left_out_of(videos: Sequence[VideoLabels]) -> list[str]:
    return [sentence for video in videos for sentence in video.description.missing]


def _as_picture(video: VideoDescription) -> PictureDescription:
    """A video's labels, each with its best score in any frame, the most certain first."""
    scores: dict[str, float] = {}
    for label in (label for shot in video.shots for label in shot.labels):
        scores[label.label] = max(label.score, scores.get(label.label, 0.0))
    labels = [Label(label=name, score=score) for name, score in sorted(scores.items(), key=lambda pair: -pair[1])]
    return PictureDescription(labels=labels[:MOST_LABELS], width=video.width, height=video.height)


def _unusable_recordings(state: TurnState) -> list[str]:
    """A sentence for each recording that brings nothing: silence, or orders to the assistant."""
    language, wishes = state["memory"].language, wishes_heard(state)
    used = {*(video.attachment for video in state["watched"]), *state["sounding"]}
    useless = [one for one in state["heard"] if one not in wishes and one.attachment not in used]
    keys = {True: "not_a_wish", False: "no_speech"}
    return [
        say(keys[transcription.transcript.spoken], language, attachment=transcription.attachment)
        for transcription in useless
    ]


def _refuse_unreadable(attachments: Sequence[Attachment], steps: Sequence[Step]) -> None:
    """Refuse the message when one of its files cannot be read, by the name that the user gave it.

    Raises:
        MediaError: the first file's fault.
    """
    by_id = {attachment.id: attachment for attachment in attachments}
    for step in steps:
        if step.failure == "media":
            attachment = by_id[next(iter(step.arguments.values()))]
            reason = step.error or f"{attachment.name} cannot be read."
            raise MediaError(reason.replace(Path(attachment.path).name, attachment.name))


async def plan(state: TurnState, runtime: Runtime[TurnContext]) -> Update:
    """Read the message and run the searches that it makes certain, for each wish."""
    context, memory, utterances = with_questions(runtime.context), state["memory"], said_by(state)
    understanding, memory, searches = await asyncio.to_thread(_understood, utterances, memory, context, state)
    joint_plan = joined(searches)
    notes = [
        *_unused_in_words(joint_plan, memory.language),
        *_left_out_in_words(understanding),
        *_unshown(understanding),
    ]
    notes += _unread_in_words(understanding)
    state = {**state, "memory": memory, "degraded": [*state["degraded"], *notes]}
    update: Update = {
        "memory": memory, "understanding": understanding, "plan": joint_plan, "degraded": state["degraded"]
    }  # fmt: skip
    if joint_plan.intent != "recommend" or not (utterances or joint_plan.pictures or state["request"].drop):
        return update
    user_context, unread = await _user_context(joint_plan, state, context)
    state = {**state, "known": user_context}
    spread = is_open(understanding, joint_plan, memory, user_context)
    plans = [search.plan.model_copy(update={"spread": spread}) for search in searches]
    searched = [
        search_for(search.model_copy(update={"plan": wish_plan}), state, runtime)
        for search, wish_plan in zip(searches, plans, strict=True)
    ]
    ends = await asyncio.gather(*searched)
    searches, results = [search for search, _ in ends], [result for _, wish_results in ends for result in wish_results]
    return {
        **update,
        "known": user_context,
        "plan": joined(searches),
        "searches": searches,
        "steps": state["steps"] + [step for _, step, _ in results],
        "degraded": [*state["degraded"], *unread, *failures(results, understanding.language)],
    }


async def search_for(
    search: WishSearch, state: TurnState, runtime: Runtime[TurnContext]
) -> tuple[WishSearch, list[Result]]:
    """Run the certain searches of one wish; its plan as they leave it, and what was found."""
    context, user_context = runtime.context, state["known"]
    plan, results = await _search(search.plan, state, runtime)
    by_taste = await _candidates_by_taste(user_context, plan, context)
    if user_context.may_ask_others and not by_taste and not _any_item(results):
        state = {**state, "known": replace(user_context, trained=False)}
        results = [*results, *await run_calls(_certain_calls(plan, state, context), state, runtime)]
    return search.model_copy(update={"plan": plan, "found": _instead_of_lists(all_found(results), by_taste)}), results


def all_found(results: Sequence[Result]) -> list[SearchResult]:
    """What those of the calls brought that find items."""
    return [search_result for call, _, result in results if (search_result := _search_result(call, result))]


def _understood(
    utterances: list[Utterance], memory: Memory, context: TurnContext, state: TurnState
) -> tuple[Understanding, Memory, list[WishSearch]]:
    """What the message says, the memory with it, and what is certain to be done for each wish."""
    image_labels = state["seen"]
    pictures = [*(picture.attachment for picture in image_labels), *state["sounding"]]
    reading = context.reader.understand(utterances, memory, context.vocabulary, attached=bool(pictures))
    understanding = _with_label(reading, image_labels)
    words = named_in(state.get("read", []), context.catalogue)
    memory = memory.model_copy(update={"language": understanding.language, "read": [*memory.read, *words][-MOST_READ:]})
    searches = [
        search.model_copy(update={"plan": _without_unchecked(search.plan, memory.language, context)})
        for search in searches_for(understanding, memory, pictures)
    ]
    return understanding, with_words(memory, understanding), searches


def _with_label(understanding: Understanding, image_labels: list[ImageLabels]) -> Understanding:
    """For a photo with properties alone ("this, in black"): what the photo shows, with the properties, as the topic."""
    values = [str(constraint.value) for constraint in understanding.constraints if constraint.field == "attributes"]
    labels = [picture.description.labels[0].label for picture in image_labels if picture.description.labels]
    if understanding.topic or len(labels) != 1 or not values:
        return understanding
    return understanding.model_copy(update={"topic": " ".join([*values, labels[0]])})


def _left_out_in_words(understanding: Understanding) -> list[str]:
    """A sentence that names the wishes which are too many."""
    language, wishes = understanding.language, left_out(understanding)
    listed = say("list_separator", language).join(wish[:MENTIONED] for wish in wishes[:MOST_MENTIONED])
    return [say("wishes_left_out", language, wishes=listed, most=MOST_WISHES)] if wishes else []


def _unshown(understanding: Understanding) -> list[str]:
    """A sentence for each thing that is asked about though it was not shown."""
    return [say("not_shown", understanding.language, words=words[:MENTIONED]) for words in understanding.unshown]


def _unread_in_words(understanding: Understanding) -> list[str]:
    """A sentence that says which part of a message was too long to be read."""
    unread = understanding.unread
    begin, end = unread[:MENTIONED], unread[-MENTIONED:]
    return [say("message_unread", understanding.language, begin=begin, end=end)] if unread else []


def _without_unchecked(plan: Plan, language: str, context: TurnContext) -> Plan:
    """The plan without excluded words that neither the lexicon can translate nor any item holds.

    In another language than the catalogue's, such an exclusion would be claimed and have no effect.
    """
    if language == context.settings.catalogue_language:
        return plan
    excluded = [
        constraint
        for constraint in plan.constraints
        if constraint.field == "exclude_terms" and is_untranslated(str(constraint.value))
    ]
    unchecked = [
        constraint
        for constraint in excluded
        if not context.catalogue.count_eligible(Filters(include_terms=[str(constraint.value)]), 0)
    ]
    if not unchecked:
        return plan
    constraints = [constraint for constraint in plan.constraints if constraint not in unchecked]
    return plan.model_copy(
        update={"constraints": constraints, "filters": to_filters(constraints), "unchecked": unchecked}
    )


def _unused_in_words(plan: Plan, language: str) -> list[str]:
    """A sentence each where constraints are not in force: too many or unusable ones, and those not to be checked."""
    sentences = []
    for key, constraints in (("constraint_unused", plan.unused), ("constraint_unchecked", plan.unchecked)):
        words = dict.fromkeys(constraint.words[:MENTIONED] for constraint in constraints[:MOST_MENTIONED])
        listed = say("list_separator", language).join(words)
        sentences += [say(key, language, words=listed, count=len(constraints))] if constraints else []
    return sentences


async def _user_context(plan: Plan, state: TurnState, context: TurnContext) -> tuple[UserContext, list[str]]:
    """What is known of the user, and a sentence where that cannot be read: the turn goes on without it."""
    words, photo, memory = bool(plan.topic), bool(plan.pictures), state["memory"]
    pressed = {press.item_id for press in context.pressed}
    ask = partial(load_user_context, user=context.user, memory=memory, words=words, photo=photo, pressed=pressed)
    try:
        return await asyncio.to_thread(ask, context.taste), []
    except ProductError as exc:
        return ask(None), [say_without("no_history", memory.language, str(exc))]


async def _candidates_by_taste(user_context: UserContext, plan: Plan, context: TurnContext) -> list[SearchResult]:
    """Candidates for a message without a wish, where something is known."""
    has_wish = plan.sort or plan.intent != "recommend" or user_context.situation.wish != "none"
    if has_wish or user_context.taste is None or not (user_context.is_cold or user_context.knows_taste):
        return []
    try:
        hits = await asyncio.to_thread(candidates_for_user, user_context, context.catalogue, plan.filters, POOL)
    except ProductError:  # what is found without it stands
        return []
    return [SearchResult(tool=TASTE_TOOL, asked="", hits=hits)] if hits else []


def _any_item(results: list[Result]) -> bool:
    return any(result and result.get("items") for _, _, result in results)


def _instead_of_lists(results: list[SearchResult], by_taste: list[SearchResult]) -> list[SearchResult]:
    """What was found; where taste found something, without the plain lists, which ask for nothing."""
    searches = [result for result in results if result.tool != "browse" and result.hits]
    return [*searches, *by_taste] if by_taste else searches or results


async def run_calls(
    calls: Sequence[PlannedCall], state: TurnState, runtime: Runtime[TurnContext], *, quiet: bool = False
) -> list[Result]:
    """Run tool calls side by side, telling when each begins and ends unless ``quiet``."""
    return list(await asyncio.gather(*(_run_call(call, state, runtime, quiet=quiet) for call in calls)))


async def _run_call(call: PlannedCall, state: TurnState, runtime: Runtime[TurnContext], *, quiet: bool) -> Result:
    tell: Emit = _say_nothing if quiet else runtime.stream_writer
    tell(StepStarted(step=call.tool, arguments=call.arguments, origin=call.origin))
    runtime.context.watch.start("tools")
    try:
        step, result = await runtime.context.run_tool(call, state["memory"].attachments)
    finally:
        runtime.context.watch.stop("tools")
    tell(StepFinished(step=call.tool, ok=step.ok, seconds=step.seconds, summary=_summary(step, result)))
    return call, step, result


def _say_nothing(_: TurnEvent) -> None:
    """For calls that measure and are no step of the answer."""


def failures(results: Sequence[Result], language: str) -> list[str]:
    """One sentence for each tool that failed, and one where searches went by words alone."""
    failed_steps = [step for _, step, _ in results if not step.ok]
    notes = [say_without("failed_step", language, step.error or "", tool=step.tool) for step in failed_steps]
    missing = [reason for _, _, result in results for reason in (result or {}).get("missing") or []]
    by_words = next((reason for reason in missing if str(reason).startswith(WORDS_ONLY)), None)
    return [*notes, say_without("words_only", language, by_words)] if by_words else notes


async def _search(plan: Plan, state: TurnState, runtime: Runtime[TurnContext]) -> tuple[Plan, list[Result]]:
    """Run the certain searches; when nothing near the wish keeps its constraints, relax them for what is its kind.

    What has to do with it is measured against the whole catalogue, so a constrained search runs beside a free one.
    """
    context = runtime.context
    plan = await asyncio.to_thread(_with_known_attributes, plan, context)
    if not (plan.topic or plan.pictures):
        plan = await asyncio.to_thread(_relaxed, plan, context)
    calls = _certain_calls(plan, state, context)
    if not plan.constraints or not (plan.topic or plan.pictures):
        results = await run_calls(calls, state, runtime)
        return _with_best_scores(plan, results), results
    unfiltered_calls = _certain_calls(plan.model_copy(update={"filters": Filters()}), state, context)
    results, probe = await asyncio.gather(
        run_calls(calls, state, runtime), run_calls(unfiltered_calls, state, runtime, quiet=True)
    )
    plan = _with_best_scores(plan, probe)
    narrowed = await asyncio.to_thread(_with_known_attributes, plan, context, _relevant(probe, plan))
    if narrowed.constraints != plan.constraints:
        plan = narrowed
        repeated = await run_calls(_certain_calls(plan, state, context), state, runtime)
        results = [*_without_items(results), *repeated]
    if _relevant(results, plan) or is_near_enough(_best_of(results, plan), plan.best):
        return plan, [*results, *_without_items(probe)]
    relaxed = await asyncio.to_thread(_relaxed_for, _very_kind(probe, plan), _relevant(probe, plan), plan, context)
    if relaxed.relaxed == plan.relaxed:
        return plan, [*results, *_without_items(probe)]
    repeated = await run_calls(_certain_calls(relaxed, state, context), state, runtime)
    return relaxed, [*_without_items([*results, *probe]), *repeated]


def _with_known_attributes(plan: Plan, context: TurnContext, among: set[str] | None = None) -> Plan:
    """The plan without attributes of which nothing is known of any item, or of any ``among`` those it must be.

    What has nothing to do with the wish must not be shown because it alone has the value. A value that these items have
    under another attribute's name ("16 GB" of the memory, not of the storage) is looked for there.
    """
    attributes = [constraint for constraint in plan.constraints if constraint.field == "attributes"]
    if not attributes or (among is not None and not among):
        return plan
    constraints, unknown = (
        [constraint for constraint in plan.constraints if constraint.field != "attributes"],
        list(plan.unknown),
    )
    for constraint in attributes:
        names = [str(constraint.attribute), *attribute_of(str(constraint.value), context.vocabulary)]
        attribute = next((name for name in names if context.catalogue.count_having(name, among, at_most=0)), None)
        if attribute is None:
            unknown.append(constraint)
        else:
            constraints.append(constraint.model_copy(update={"attribute": attribute}))
    return plan.model_copy(update={"constraints": constraints, "filters": to_filters(constraints), "unknown": unknown})


def _certain_calls(plan: Plan, state: TurnState, context: TurnContext) -> list[PlannedCall]:
    by_taste = TASTE_TOOLS if state["known"].may_ask_others else ()
    return certain_calls(
        plan,
        POOL,
        by_taste=by_taste,
        spread=usual_names(context.vocabulary).categories[:SPREAD] if plan.spread else (),
    )


def _with_best_scores(plan: Plan, results: list[Result]) -> Plan:
    """The plan with the best score of each kind of evidence."""
    return plan.model_copy(update={"best": _best_of(results, plan)})


def _best_of(results: list[Result], plan: Plan) -> dict[str, float]:
    """The best scores; where a kind of thing is named, only what is certain counts of its sentences.

    Something is always a little near to a sentence, which names nothing that there is not.
    """
    best = best_scores((entry.asked, hit) for entry in all_found(results) for hit in entry.hits)
    if plan.vague or is_certain(best):
        return best
    words = [result for result in results if not result[0].arguments.get("sentences")]
    return best_scores((entry.asked, hit) for entry in all_found(words) for hit in entry.hits)


def _very_kind(results: list[Result], plan: Plan) -> set[str]:
    """Ids of the items found that are the very kind that was asked for; for a photo alone, of all relevant ones."""
    if not plan.topic:
        return _relevant(results, plan)
    return {item_id for entry in all_found(results) for item_id in same_kind_ids(entry.asked, entry.hits, plan.best)}


def _relevant(results: list[Result], plan: Plan) -> set[str]:
    """Ids of the items found that have to do with what was asked."""
    return {item_id for entry in all_found(results) for item_id in relevant_ids(entry.asked, entry.hits, plan.best)}


def _without_items(results: list[Result]) -> list[Result]:
    """The steps of searches whose items are not used."""
    return [(call, step, None) for call, step, _ in results]


def _relaxed_for(kind: set[str], relevant: set[str], plan: Plan, context: TurnContext) -> Plan:
    """The plan relaxed for the very kind of thing; else, its price limits kept, for what has to do with the wish."""
    relaxed = _relaxed(plan, context, kind)
    if relaxed.relaxed != plan.relaxed and not any(map(_is_far_over, relaxed.relaxed)):
        return relaxed
    return _relaxed(plan.model_copy(update={"keeps_limits": True}), context, relevant)


def _is_far_over(change: Relaxation) -> bool:
    return (
        change.field == "max_price"
        and change.used is not None
        and float(change.used) > MOST_OVER * float(change.wanted)
    )


def _relaxed(plan: Plan, context: TurnContext, among: set[str] | None = None) -> Plan:
    """The plan with constraints loosened until something fits: anything, or one of the items ``among`` it must be.

    What was shown and is not wanted again does not come back.
    """
    catalogue = context.catalogue
    if among is not None and not among:
        return plan
    firm = [constraint for constraint in plan.constraints if constraint.field == "exclude_ids"]
    firm += [constraint for constraint in plan.constraints if plan.keeps_limits and constraint.field in _LIMITS]

    def passing(filters: Filters) -> set[str]:
        return catalogue.eligible_among(among or (), filters)

    def fits(filters: Filters) -> int:
        return catalogue.count_eligible(filters, 0) if among is None else len(passing(filters))

    def price_near(filters: Filters, sort: Literal["price", "-price"]) -> float | None:
        if among is None:
            return next((_offered_price(item, filters) for item in catalogue.browse(filters, sort, 1, 0)), None)
        items = catalogue.get_many(sorted(passing(filters))).values()
        prices = sorted(price for item in items if (price := _offered_price(item, filters)) is not None)
        return (prices[0] if sort == "price" else prices[-1]) if prices else None

    constraints, relaxed = relax(plan.constraints, fits, price_near, firm=firm)
    changed = {"constraints": constraints, "filters": to_filters(constraints)}
    return plan.model_copy(update={**changed, "relaxed": _one_per_bound([*plan.relaxed, *relaxed])})


def _offered_price(item: Item, filters: Filters) -> float | None:
    offer = offered(item, filters)
    return offer.price if offer else None


def _one_per_bound(changes: list[Relaxation]) -> list[Relaxation]:
    """One change a bound: from what was wanted to what it came to in the end."""
    bounds: dict[str, Relaxation] = {}
    others = []
    for change in changes:
        if change.field not in _LIMITS:
            others.append(change)
        elif change.field in bounds:
            bounds[change.field] = bounds[change.field].model_copy(update={"used": change.used})
        else:
            bounds[change.field] = change
    return [*bounds.values(), *others]


def _search_result(call: PlannedCall, result: dict[str, Any] | None) -> SearchResult | None:
    if not result or "items" not in result:
        return None
    asked = (call.arguments.get(name) for name in ("query", *FILE_ARGUMENT.values()))
    query = str(next(filter(None, asked), ""))
    return SearchResult(tool=call.tool, asked=query, hits=[Hit.model_validate(hit) for hit in result["items"]])


def _summary(step: Step, result: dict[str, Any] | None) -> str:
    """What a step found, in a few words."""
    if result is None:
        return step.error or ""
    if "items" in result:
        return ", ".join(hit["title"] for hit in result["items"][:3])
    if "lines" in result:
        return ", ".join(f"“{line['text']}”" for line in result["lines"][:3])
    if "shots" in result:
        labels = [f"{clock(shot['second'])} {shot['labels'][0]['label']}" for shot in result["shots"] if shot["labels"]]
        return ", ".join(labels[:5])
    if "labels" in result:
        return ", ".join(f"{label['label']} {label['score']:.2f}" for label in result["labels"][:3])
    return f"“{result['text']}”" if result.get("text") else ""
