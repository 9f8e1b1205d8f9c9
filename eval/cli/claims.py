"""assistant eval claims: the labelled sentences put to the product's check of claims, and to the evaluation's own."""

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from eval.claimset import Figures


class Half(StrEnum):
    """Which half of the set."""

    dev = "dev"
    test = "test"


HalfName = Annotated[Half, typer.Argument(metavar="HALF", help="dev, to build against, or test, which is reported.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def claims(half: HalfName = Half.test, as_json: Json = False) -> None:
    """How many false sentences each checker refuses and how many true ones it accepts, by language and kind."""
    from eval.claimset import checkers, evaluate, load_records

    records = load_records(half.value)
    figures = {name: evaluate(check, records) for name, check in checkers().items()}
    if as_json:
        typer.echo(json.dumps({name: _numbers(one) for name, one in figures.items()}, indent=2, ensure_ascii=False))
        return
    for name, one in figures.items():
        typer.echo(f"{name}, {half.value} half\n{figures_text(one)}\n")


def figures_text(figures: "Figures") -> str:
    """The figures as a table for people."""
    lines = [f"{'':26}{'language':10}{'right':>7}{'of':>6}{'share':>9}"]
    for true in (True, False):
        label = "true, accepted" if true else "false, refused"
        languages = sorted({language for one, _, language in figures.groups if one == true})
        lines += [_line(label, language, figures, true=true, languages=[language]) for language in languages]
        lines.append(_line(label, "all", figures, true=true))
    for true in (True, False):
        for kind in sorted({kind for one, kind, _ in figures.groups if one == true}):
            lines.append(_line(kind, "all", figures, true=true, kind=kind))
    return "\n".join(lines)


def _line(
    label: str,
    language: str,
    figures: "Figures",
    *,
    true: bool,
    kind: str | None = None,
    languages: list[str] | None = None,
) -> str:
    counts = figures.share(true=true, kind=kind, languages=languages)
    return f"{label:26}{language:10}{counts.right:>7}{counts.of:>6}{counts.share:>9.1%}"


def _numbers(figures: "Figures") -> list[dict[str, object]]:
    return [
        {"true": true, "kind": kind, "language": language, "right": counts.right, "of": counts.of}
        for (true, kind, language), counts in sorted(figures.groups.items())
    ]
