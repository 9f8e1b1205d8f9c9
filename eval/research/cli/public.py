"""assistant eval research movielens, dataset, cross-domain: public data, by a published protocol or split in two."""

import json
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.errors import BadInput
from assistant.settings import Settings, load_settings

if TYPE_CHECKING:
    from eval.research.public.interactions import Dataset

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Seed = Annotated[int, typer.Option(help="Draws cold users and items, and resamples.")]


class Form(StrEnum):
    """What a file that the user has looks like."""

    amazon = "amazon"
    mmrec = "mmrec"
    s3rec = "s3rec"
    recbole = "recbole"
    redial = "redial"
    inspired = "inspired"


def movielens(as_json: Json = False, seed: Seed = 7) -> None:
    """Recommenders on MovieLens-100K, all films ranked; some minutes on two cores."""
    from assistant.models import reporter_for_terminal
    from eval.research.public import movielens as data

    settings = load_settings()
    dataset = data.load(data.fetch(settings, reporter_for_terminal()))
    _report(_evaluated(dataset, settings, seed), as_json)


def dataset(
    path: Annotated[Path, typer.Argument(help="The data set's file, or MMRec's folder.")],
    form: Annotated[Form, typer.Option("--form", help="How it is written: docs/evaluation.md describes each.")],
    as_json: Json = False,
    seed: Seed = 7,
) -> None:
    """The same on a data set that you have: amazon, mmrec, s3rec, recbole; or on conversations: redial, inspired."""
    from eval.research.public import amazon, recbole, s3rec

    settings = load_settings()
    if form in (Form.redial, Form.inspired):
        _report_conversations(_conversations(path, form, settings), as_json)
        return
    loaders: dict[Form, Callable[[Path], Dataset]] = {
        Form.amazon: amazon.load_reviews, Form.mmrec: amazon.load_mmrec, Form.s3rec: s3rec.load,
        Form.recbole: recbole.load,
    }  # fmt: skip
    _report(_evaluated(loaders[form](path), settings, seed), as_json)


def cross_domain(
    as_json: Json = False,
    years: Annotated[
        bool, typer.Option(help="Read the films' years, which both sides have in common, or leave them out.")
    ] = True,
    folder: Annotated[Path | None, typer.Option(help="Where MovieLens-100K is; default: it is fetched.")] = None,
) -> None:
    """What a taste in one catalogue is worth in another: MovieLens-100K split in two by genre; some minutes."""
    from assistant.engines import open_engines
    from assistant.models import reporter_for_terminal
    from eval.research.cross_domain import measure, table, without_years
    from eval.research.public import movielens as data

    settings = load_settings()
    dataset = data.load(folder or data.fetch(settings, reporter_for_terminal()))
    texts = dataset.texts if years else without_years(dataset.texts)
    text = open_engines(settings).text
    _say(f"reading the texts of {len(dataset.texts):,} items")
    found = measure(dataset, text.encode(texts), lambda said: text.encode(said, purpose="query"), say=_say)
    typer.echo(found.model_dump_json(indent=2) if as_json else "\n".join(table(found)))


def _evaluated(dataset: "Dataset", settings: Settings, seed: int) -> dict[str, Any]:
    from assistant.engines import open_engines
    from eval.research.public.protocol import evaluate
    from eval.research.public.tables import as_numbers, published

    vectors = dict(dataset.features)
    if any(dataset.texts):
        _say(f"reading the texts of {len(dataset.texts):,} items")
        vectors["text"] = open_engines(settings).text.encode(dataset.texts)
    found = {"dataset": dataset.name, "licence": dataset.licence, "events": len(dataset.interactions), "seed": seed}
    numbers = as_numbers(evaluate(dataset, vectors, seed=seed, say=_say), seed)
    return found | numbers | {"published": published(dataset.name)}


def _report(numbers: dict[str, Any], as_json: bool) -> None:
    from eval.research.public.tables import lines

    if as_json:
        typer.echo(json.dumps(numbers, indent=2, ensure_ascii=False))
        return
    typer.echo(f"{numbers['dataset']}, {numbers['events']:,} events. Licence: {numbers['licence']}.")
    typer.echo("\n".join(lines(numbers)))
    typer.echo(f"\nTuned: {json.dumps(numbers['parameters'])}")


def _conversations(path: Path, form: Form, settings: Settings) -> dict[str, Any]:
    from assistant.engines import open_engines
    from eval.research.public import conversations as talk

    read = talk.load_redial(path) if form is Form.redial else talk.load_inspired(path)
    asked, films = list(talk.questions(read)), talk.all_films(read)
    if not asked:
        raise BadInput(f"{path} holds no recommendation of a film.")
    _say(f"{len(read):,} conversations, {len(asked):,} recommendations, {len(films):,} films")
    text = open_engines(settings).text
    titles = text.encode(films)
    found = talk.recall(
        asked,
        films,
        lambda said: text.encode([words[-talk.LAST_CHARACTERS :] for words in said], purpose="query") @ titles.T,
    )
    numbers = {name: round(float(values.mean()), 4) for name, values in found.items()}
    return {"conversations": len(read), "recommendations": len(asked), "films": len(films), "dense": numbers}


def _report_conversations(numbers: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(numbers, indent=2))
        return
    typer.echo("  ".join(f"{name} {value:.4f}" for name, value in numbers["dense"].items()))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
