"""Fitting the learned fusion on a suite's conversations: every turn's candidates with the grades that the suite gives.

The conversations are answered without a language model and with as many candidates as a turn can have; the signals come
from the log of rankings that the product keeps itself, so that what is fitted is what a turn will read.
"""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

from assistant.agent.state import TurnRules
from assistant.engines import open_engines
from assistant.errors import BadInput
from assistant.front import Assistant
from assistant.impressions import Impression
from assistant.ingest.progress import Progress
from assistant.sessions import new_session_id
from assistant.settings import Settings, TurnSettings
from eval.research.fusion.fitting import LabelledRanking, fit
from eval.research.fusion.gates import Context, FusionGates
from eval.runs.answering import ReadyTurn
from eval.runs.baselines.turns import NoModel
from eval.runs.run import eval_folder
from eval.suite.catalogue import suite_settings
from eval.suite.media import ready_turn
from eval.suite.records import Expectation, Suite
from tools.store import Catalogue

CANDIDATES = 40
L2 = 0.02
CONTEXTS: Sequence[Context] = ("always", "photo")
BROWSE = 1.0


def fit_on_suite(suite: Suite, settings: Settings, *, progress: Progress) -> FusionGates:
    """Gates fitted on every turn of the suite that has graded items among its candidates.

    Raises:
        BadInput: no turn has any.
        ServiceMissing, StoreError: as a run of the suite.
    """
    settings = suite_settings(suite, settings, progress=progress)
    rankings = asyncio.run(_rankings(suite, settings, progress))
    if not rankings:
        raise BadInput(f"No turn of the suite {suite.suite} has graded items among its candidates.")
    prior = {**TurnSettings().weights, "browse": BROWSE}
    gates = fit(rankings, prior, contexts=CONTEXTS, with_scores=True, l2=L2)
    return gates.model_copy(update={"fitted_on": f"suite {suite.suite}, {len(rankings)} rankings"})


def labelled(ranking: Impression, expect: Expectation) -> LabelledRanking | None:
    """A logged ranking with the grades of a turn; None where none of its candidates has a grade."""
    grades = {**dict.fromkeys(expect.first, 3), **expect.relevant}
    gains = {item.item_id: 2.0 ** grades.get(item.item_id, 0) - 1 for item in ranking.items}
    whole = sum(gains.values())
    if not whole:
        return None
    prior = {"browse": BROWSE, **ranking.weights}
    return LabelledRanking(
        {item.item_id: item.votes for item in ranking.items},
        {item_id: gain / whole for item_id, gain in gains.items()},
        prior,
    )


async def _rankings(suite: Suite, settings: Settings, progress: Progress) -> list[LabelledRanking]:
    engines = open_engines(settings)
    found: list[LabelledRanking] = []
    try:
        conversations = list(_conversations(suite, settings, engines.catalogue))
        rules = TurnRules(candidates=CANDIDATES)
        async with Assistant(settings, engines=engines, chat=NoModel(settings), rules=rules) as assistant:
            await assistant.warm_up()
            with progress.stage("answering", len(conversations), "cases") as done:
                for number, turns in enumerate(conversations, start=1):
                    found += await _answered(assistant, turns)
                    done(number)
    finally:
        engines.catalogue.close()
    return found


async def _answered(assistant: Assistant, turns: Sequence[ReadyTurn]) -> list[LabelledRanking]:
    """One conversation's labelled rankings; the session is forgotten."""
    session, found = new_session_id(), list[LabelledRanking]()
    for number, ready in enumerate(turns, start=1):
        await assistant.reply(ready.text, images=ready.images, audio=ready.audio, session_id=session)
        logged = [one for one in assistant.impressions.read(session) if one.turn == number]
        found += [one for ranking in logged if (one := labelled(ranking, ready.turn.expect))]
    await assistant.forget(session)
    return found


def _conversations(suite: Suite, settings: Settings, catalogue: Catalogue) -> Iterator[list[ReadyTurn]]:
    def photo(item_id: str) -> Path | None:
        item = catalogue.get(item_id)
        return catalogue.image_path(item, 0) if item else None

    media = eval_folder(settings) / "media"
    for case in suite.cases:
        yield [ready_turn(turn, suite, photo, media) for turn in case.turns]
