"""assistant ingest, assistant catalogue, assistant sample."""

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from assistant.errors import BadInput, UnknownItem
from assistant.settings import Settings, load_settings
from assistant.storage import open_catalogue

if TYPE_CHECKING:
    from assistant.ingest import Embedding, Encoders, FileCheck, IngestOptions, IngestSummary, Rejection
    from tools.records import Item
    from tools.store import CatalogueStats, Picture

app = typer.Typer(no_args_is_help=True, help="Look at, export, re-embed or drop the catalogue.")
sample_app = typer.Typer(no_args_is_help=True, help="The sample catalogue.")

SHOWN_REJECTIONS = 10
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@sample_app.callback()
def _sample() -> None:
    """The sample catalogue."""


# Ingesting -----------------------------------------------------------------------------------------------------------


def ingest(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="Catalogue files and feeds, folders of them or of saved pages, URLs such as s3://...",
        ),
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Only say what is understood of the files; write nothing.")
    ] = False,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FIELD=COLUMN,...", help='Name columns: --map title=Name,price="Regular price".'),
    ] = None,
    currency: Annotated[
        str | None, typer.Option(metavar="CODE", help="The currency of prices that name none, such as EUR.")
    ] = None,
    prune: Annotated[bool, typer.Option(help="Remove items that stand in none of the files.")] = False,
    rejects: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write what was not taken, and why, to this JSONL file.")
    ] = None,
    media_root: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Pictures must lie in here; default: the folder of each file."),
    ] = None,
    fetch_pictures: Annotated[
        bool, typer.Option(help="Fetch pictures, recordings and videos at https addresses of the internet.")
    ] = False,
    fetch_private: Annotated[
        bool, typer.Option(help="With --fetch-pictures: also over http, and from this machine and private networks.")
    ] = False,
    read_pictures: Annotated[
        bool | None,
        typer.Option(help="Read the words in pictures, so that they are searched; default: vision.item_words."),
    ] = None,
    transcribe: Annotated[
        bool | None,
        typer.Option(
            help="Write down what is said in recordings and videos, so that it is searched; default: speech.items."
        ),
    ] = None,
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="Where texts and files are embedded: in this process, or by Ray.")
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="With --engine ray: a cluster that this machine is part of (auto, HOST:PORT); default: this machine.",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="With --engine ray: how many encode; default: as many as cores or cards allow."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Bring the catalogue up to what the files say; only what has changed is embedded.

    JSONL, CSV, Parquet, exports of Shopify and WooCommerce, feeds for Google Merchant Center and the Agentic Commerce
    Protocol, products in saved pages: see docs/catalogue.md. After an interruption the same command goes on where it
    stopped.
    """
    from assistant import ingest as work
    from assistant.engines import listener, word_reader
    from assistant.ingest.files import open_files
    from assistant.ingest.sources import all_files

    if engine == "local" and (address or workers):
        raise BadInput("--address and --workers go with --engine ray.")
    settings = load_settings()
    options = replace(
        _options(settings, media_root=media_root, prune=prune, fetch_pictures=fetch_pictures),
        public_only=not fetch_private,
        mapping=columns_by_field(mapping or []),
        currency=_currency(currency),
    )
    if read_pictures is not None:
        options = replace(options, words=word_reader(settings, wanted=read_pictures))
    if transcribe is not None:
        options = replace(options, speech=listener(settings, wanted=transcribe))
    paths, storages = all_files(files, settings.data_folder)
    options = replace(options, storages=storages)
    open_files(paths, options.mapping)  # complain about files before models are looked for
    progress = work.progress_for_terminal()
    if check:
        checks = work.check(paths, options, progress=progress)
        records = [record.model_dump() for record in checks]
        typer.echo(
            json.dumps({"files": records}, ensure_ascii=False) if as_json else "\n\n".join(map(check_text, checks))
        )
        return
    encoders = _encoders(settings)
    embedding = _ray(settings, encoders, address, workers) if engine == "ray" else None
    with rejections(rejects) as reject, open_catalogue(settings, notify=progress.say) as catalogue:
        summary = work.ingest(
            catalogue, paths, encoders, options, reject=reject, progress=progress, embedding=embedding
        )
    if as_json:
        typer.echo(json.dumps({**summary.model_dump(), "accepted": summary.accepted}, ensure_ascii=False))
    else:
        typer.echo(summary_text(summary, rejects))


def _options(settings: Settings, *, media_root: Path | None, prune: bool, fetch_pictures: bool) -> "IngestOptions":
    from assistant.engines import listener, media_limits, word_reader
    from assistant.ingest import IngestOptions

    if media_root is not None and not media_root.is_dir():
        raise BadInput(f"There is no folder {media_root}.")
    return IngestOptions(
        media_root=media_root,
        prune=prune,
        fetch_pictures=fetch_pictures,
        words=word_reader(settings, wanted=settings.vision.item_words),
        speech=listener(settings, wanted=settings.speech.items),
        language=settings.catalogue_language,
        media=media_limits(settings),
        index_process=True,
    )


def _ray(settings: Settings, encoders: "Encoders", address: str | None, workers: int | None) -> "Embedding":
    """Encoders like these in processes of a Ray cluster, each with its own cores."""
    from assistant.engines import may_use_cards
    from assistant.ingest.ray_engine import RayEmbedding, RayOptions

    cores = settings.threads or 1
    options = RayOptions(address, workers, cores, cards=may_use_cards(settings))
    return RayEmbedding(partial(_encoders, settings.model_copy(update={"threads": cores})), encoders, options)


def columns_by_field(options: Sequence[str]) -> dict[str, str]:
    """The columns that are named for fields: "title=Name,price=Regular price".

    A comma ends a column only where the name of a field and "=" follow.

    Raises:
        BadInput: a field is not one, or stands twice.
    """
    from assistant.ingest.exports import MAPPED

    columns: dict[str, str] = {}
    for option in options:
        for part in re.split(r",(?=\s*\w+\s*=)", option):
            name, is_named, column = (text.strip() for text in part.partition("="))
            if name not in MAPPED or not is_named or not column:
                fields = ", ".join(sorted(MAPPED))
                raise BadInput(f"--map {part.strip()[:100]!r} is not FIELD=COLUMN with one of these fields: {fields}.")
            if name in columns:
                raise BadInput(f"--map names two columns for {name}.")
            columns[name] = column
    return columns


def _currency(text: str | None) -> str | None:
    from assistant.ingest.prices import currency_code

    code = currency_code(text) if text else None
    if text and code is None:
        raise BadInput(f"--currency {text[:20]!r} is not an ISO 4217 code, such as EUR.")
    return code


def check_text(check: "FileCheck") -> str:
    """What is understood of a file, for people."""
    variants = f", {check.variants:,} variants" if check.variants else ""
    used = [column for column in check.columns if column.fills]
    width = max((len(column.name) for column in used), default=0)
    unused = ", ".join(column.name for column in check.columns if not column.fills)
    lines = [
        f"{check.file}: {check.feed} ({check.format}), {check.rows:,} rows, {check.items:,} items{variants}",
        "Columns:",
        *(f"  {column.name:<{width}}  {column.fills}" for column in used),
        *([f"  not used: {unused}"] if unused else []),
        f"Known of {check.items:,} items: {_listed(check.known)}",
        *([f"Attributes: {_listed(check.attributes)}"] if check.attributes else []),
        *(["Warnings:", *(f"  {warning}" for warning in check.warnings)] if check.warnings else []),
        "Examples:",
        *(f"  {json.dumps(example, ensure_ascii=False)}" for example in check.examples),
    ]
    return "\n".join(lines)


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


@contextmanager
def rejections(path: Path | None) -> Iterator[Callable[["Rejection"], None]]:
    """Where rejections go: all to the file, the first few to standard error."""
    count = 0
    try:
        file = path.open("w", encoding="utf-8") if path else None
    except OSError as exc:
        raise BadInput(f"{path} cannot be written: {exc.strerror}.") from exc

    def reject(rejection: "Rejection") -> None:
        nonlocal count
        if file:
            file.write(rejection.model_dump_json() + "\n")
        if count < SHOWN_REJECTIONS:
            print(rejection_text(rejection), file=sys.stderr)
        elif count == SHOWN_REJECTIONS:
            print("... and more" + ("" if path else "; --rejects FILE writes them all"), file=sys.stderr)
        count += 1

    try:
        yield reject
    finally:
        if file:
            file.close()


def rejection_text(rejection: "Rejection") -> str:
    """One line for people."""
    labels = {"line": "rejected", "duplicate": "replaced", "field": "left out"}
    label = labels.get(rejection.kind) or f"{rejection.kind} lost"
    item_id = f" (id {rejection.id})" if rejection.id else ""
    return f"{rejection.file}:{rejection.line}{item_id} {label}: {rejection.reason}"


def summary_text(summary: "IngestSummary", rejects: Path | None = None) -> str:
    """The summary for people; what did not occur is left out."""
    parts = [
        f"{summary.accepted:,} accepted ({summary.new:,} new, {summary.changed:,} changed)",
        f"{summary.unchanged:,} unchanged",
        f"{summary.rejected:,} rejected" + (f" (see {rejects})" if rejects and summary.rejected else ""),
    ]
    rare = {
        "replaced by later lines": summary.duplicates,
        "joined to earlier rows of the same item": summary.merged,
        "removed": summary.removed,
        "pictures lost": summary.pictures_lost,
        "sounds lost": summary.sounds_lost,
        "files at web addresses not fetched (--fetch-pictures)": summary.pictures_remote,
        "descriptions cut": summary.descriptions_cut,
        "fields not read": summary.fields_unread,
    }
    parts += [f"{count:,} {label}" for label, count in rare.items() if count]
    texts, pictures, sounds = summary.texts_embedded, summary.pictures_embedded, summary.sounds_embedded
    embedded = f"{texts:,} texts and {pictures:,} pictures embedded"
    embedded += f", and {sounds:,} sounds" if sounds else ""
    embedded += f", {summary.sounds_heard:,} listened to" if summary.sounds_heard else ""
    embedded += f", the words in {summary.pictures_read:,} pictures read" if summary.pictures_read else ""
    return f"{summary.lines:,} lines: {', '.join(parts)}.\n{embedded} in {summary.seconds:,.1f} s."


# The catalogue -------------------------------------------------------------------------------------------------------


@app.command()
def stats(as_json: Json = False) -> None:
    """Count what the catalogue holds."""
    with open_catalogue(load_settings(), read_only=True) as catalogue:
        statistics = catalogue.stats()
    typer.echo(statistics.model_dump_json() if as_json else stats_text(statistics))


@app.command()
def show(item_id: Annotated[str, typer.Argument(metavar="ID")], as_json: Json = False) -> None:
    """Show one item with all that is known of it."""
    with open_catalogue(load_settings(), read_only=True) as catalogue:
        item, pictures = catalogue.get(item_id), catalogue.pictures(item_id)
    if item is None:
        raise UnknownItem(f"There is no item {item_id} in the catalogue.")
    if as_json:
        lost = [{"reference": p.reference, "reason": p.reason} for p in pictures if p.state == "lost"]
        typer.echo(json.dumps({**item.model_dump(), "pictures_lost": lost}, ensure_ascii=False))
    else:
        typer.echo(item_text(item, pictures))


@app.command()
def export() -> None:
    """Print every item as a catalogue line (JSONL) on standard output."""
    from assistant.ingest.export import catalogue_line, common_folder

    folders: set[Path] = set()
    with open_catalogue(load_settings(), read_only=True) as catalogue:
        for item in catalogue.items():
            sys.stdout.write(catalogue_line(item) + "\n")
            folder = common_folder([*item.images, *item.audio, *item.video])
            folders |= {folder} if folder else set()
    sys.stdout.flush()
    root = common_folder(str(folder / "picture") for folder in folders)
    if root:
        print(
            f"The pictures lie in {root}; to ingest these lines: assistant ingest FILE --media-root {root}",
            file=sys.stderr,
        )


@app.command()
def reindex(
    encoder: Annotated[
        str | None, typer.Option(metavar="NAME", help="The text encoder to change to; default: the one that is set.")
    ] = None,
) -> None:
    """Make every vector anew with the encoders that are set now, or with another text encoder.

    The vectors in use go on serving until all the others are there. After an interruption the same command goes on
    where it stopped.
    """
    from assistant import ingest as work

    settings = load_settings()
    encoder_name = encoder or settings.text.model
    new_settings = settings.model_copy(update={"text": settings.text.model_copy(update={"model": encoder_name})})
    options = _options(settings, media_root=None, prune=False, fetch_pictures=False)
    progress = work.progress_for_terminal()
    with open_catalogue(settings, notify=progress.say) as catalogue:
        summary = work.reindex(catalogue, _encoders(new_settings), options.media, progress=progress)
    lost = f"; {summary.pictures_lost:,} pictures could not be read" if summary.pictures_lost else ""
    typer.echo(
        f"{summary.changed:,} items: {summary.texts_embedded:,} texts and "
        f"{summary.pictures_embedded:,} pictures embedded{lost}."
    )
    if encoder_name != settings.text.model:
        typer.echo(
            f'The catalogue needs this text encoder now: set text.model = "{encoder_name}" and start the service again.'
        )


@app.command()
def drop(yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False) -> None:
    """Delete the catalogue: items, vectors and index. Sessions, uploads and the pictures' own files stay."""
    from tools.store import drop as drop_catalogue

    settings = load_settings()
    if not yes:
        if not sys.stdin.isatty():
            raise BadInput("Dropping the catalogue needs a yes; give --yes.")
        typer.confirm(f"Delete the catalogue in {settings.data_folder}?", abort=True)
    drop_catalogue(
        settings.data_folder, chroma_url=settings.chroma_url, state=settings.state_server, files=settings.files
    )
    typer.echo(f"The catalogue in {settings.data_folder} is gone.")


@sample_app.command()
def fetch() -> None:
    """Fetch the sample catalogue (54 products with photos, GPL-3.0) and print the path of its file."""
    from assistant import sample
    from assistant.models import reporter_for_terminal

    reporter = reporter_for_terminal()
    path = sample.fetch(load_settings(), reporter)
    reporter.say("Put it into the catalogue with: assistant ingest, and the path below.")
    typer.echo(str(path))


def stats_text(stats: "CatalogueStats") -> str:
    """The statistics for people."""
    prices = "no prices" if stats.min_price is None else f"{stats.min_price:,.2f} to {stats.max_price:,.2f}"
    rows = {
        "folder": f"{stats.folder} ({stats.bytes_on_disk / 1e6:,.1f} MB)",
        "items": f"{stats.items:,} ({stats.in_stock:,} known to be in stock)",
        "pictures": f"{stats.pictures:,}" + (f" ({stats.pictures_lost:,} lost)" if stats.pictures_lost else ""),
        "prices": " ".join([prices, *stats.currencies]),
        "categories": _counts(stats.categories),
        "brands": _counts(stats.brands),
    }
    for space, counts in stats.spaces.items():
        missing = f", {counts.missing:,} missing: finish with assistant catalogue reindex" if counts.missing else ""
        encoder = (
            f"{counts.encoder.encoder}, {counts.encoder.dimensions} dimensions" if counts.encoder else "no encoder"
        )
        rows[f"{space} vectors"] = f"{counts.vectors:,} ({encoder}{missing})"
    return "\n".join(f"{name:<20} {value}" for name, value in rows.items())


def _counts(counts: dict[str, int], most: int = 8) -> str:
    text = ", ".join(f"{name} {count:,}" for name, count in list(counts.items())[:most])
    more = f" and {len(counts) - most:,} more" if len(counts) > most else ""
    return f"{len(counts):,}" + (f": {text}{more}" if counts else "")


def item_text(item: "Item", pictures: "list[Picture]") -> str:
    """One item for people."""
    price = "unknown" if item.price is None else f"{item.price:,.2f} {item.currency or ''}".strip()
    rows = {
        "id": item.id,
        "title": item.title,
        "price": price,
        "category": item.category,
        "brand": item.brand,
        "in stock": {True: "yes", False: "no", None: "unknown"}[item.in_stock],
        "link": item.url,
        **{
            name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            for name, value in item.attributes.items()
        },
        "audio": ", ".join(item.audio),
        "video": ", ".join(item.video),
    }
    lines = [f"{name:<14} {value}" for name, value in rows.items() if value]
    from tools.store import frame_of

    for picture in (one for one in pictures if not frame_of(one)):
        state = "" if picture.state == "ready" else f" ({picture.state}: {picture.reason})"
        lines.append(f"{'picture':<14} {picture.reference}{state}")
    return "\n".join(lines) + (f"\n\n{item.description}" if item.description else "")


# What the commands stand on ------------------------------------------------------------------------------------------


def _encoders(settings: Settings) -> "Encoders":
    from assistant.engines import open_engines
    from assistant.ingest import Encoders

    engines = open_engines(settings)
    return Encoders(engines.text, engines.pictures, engines.sounds)
