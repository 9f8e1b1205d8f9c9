"""assistant eval claims: the labelled sentences put to the product's check of claims, and to the evaluation's own."""

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from eval.claimset import ClaimFigures
    from tools.engines.text import TextEncoder


class Half(StrEnum):
    """Which part of the set."""

    dev = "dev"
    test = "test"
    fresh = "fresh"


HalfName = Annotated[
    Half, typer.Argument(metavar="PART", help="dev, to build against, or test or fresh, which are reported.")
]
Fit = Annotated[bool, typer.Option("--fit", help="Fit the product's classifier to its labelled sentences instead.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def claims(half: HalfName = Half.test, as_json: Json = False, fit: Fit = False) -> None:
    """How many false sentences each checker refuses and how many true ones it accepts, by language and kind."""
    from assistant.claims.entailment import entailment_for
    from assistant.engines import open_engines
    from assistant.settings import load_settings
    from eval.claimset import checkers, evaluate, load_records

    settings = load_settings()
    encoder = open_engines(settings).text
    if fit:
        _fit(encoder, settings.text.model)
        return
    records = load_records(half.value)
    entailment = entailment_for(settings.text.model, encoder)
    figures = {name: evaluate(check, records) for name, check in checkers(entailment).items()}
    if as_json:
        numbers = {name: _numbers(entry) for name, entry in figures.items()}
        typer.echo(json.dumps(numbers, indent=2, ensure_ascii=False))
        return
    for name, entry in figures.items():
        typer.echo(f"{name}, {half.value}\n{figures_text(entry)}\n")


def _fit(encoder: "TextEncoder", model: str) -> None:
    """Fit the classifier and write its weights."""
    from assistant.claims import training
    from assistant.claims.entailment import WEIGHTS
    from assistant.ingest.progress import progress_for_terminal

    records = list(training.labelled())
    with progress_for_terminal().stage(f"encoding with {model}", len(records), "sentences") as advance:
        examples = training.examples(records, encoder, advance)
    path = WEIGHTS / f"{model}.safetensors"
    training.write(training.fit(examples), path)
    typer.echo(f"Written: {path}")


def figures_text(figures: "ClaimFigures") -> str:
    """The figures as a table for people."""
    lines = [f"{'':26}{'language':10}{'right':>7}{'of':>6}{'share':>9}"]
    for true in (True, False):
        label = "true, accepted" if true else "false, refused"
        languages = sorted({language for is_true, _, language in figures.groups if is_true == true})
        lines += [_line(label, language, figures, true=true, languages=[language]) for language in languages]
        lines.append(_line(label, "all", figures, true=true))
    for true in (True, False):
        for kind in sorted({kind for is_true, kind, _ in figures.groups if is_true == true}):
            lines.append(_line(kind, "all", figures, true=true, kind=kind))
    return "\n".join(lines)


def _line(
    label: str,
    language: str,
    figures: "ClaimFigures",
    *,
    true: bool,
    kind: str | None = None,
    languages: list[str] | None = None,
) -> str:
    counts = figures.counts(true=true, kind=kind, languages=languages)
    return f"{label:26}{language:10}{counts.right:>7}{counts.of:>6}{counts.accuracy:>9.1%}"


def _numbers(figures: "ClaimFigures") -> list[dict[str, object]]:
    return [
        {"true": true, "kind": kind, "language": language, "right": counts.right, "of": counts.of}
        for (true, kind, language), counts in sorted(figures.groups.items())
    ]
