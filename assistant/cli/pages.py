"""assistant pages: the shop's own pages, which questions to the shop are answered from."""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.errors import BadInput
from assistant.settings import load_settings

if TYPE_CHECKING:
    from tools.store.pages import Change, PageInfo

app = typer.Typer(no_args_is_help=True, help="The shop's own pages: delivery, returns, payment, opening hours.")

NONE = "There are no pages yet; give some with: assistant pages ingest FILE..."
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def ingest(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Pages: Markdown, HTML or plain text.")],
    as_json: Json = False,
) -> None:
    """Store pages, each under its file's name in the place of the one before; only what has changed is embedded."""
    from assistant.engines import open_engines, page_store
    from assistant.ingest.pages import read_page

    settings = load_settings()
    pages = [read_page(file) for file in files]  # complain about files before a model is loaded
    twice = [name for name, count in Counter(page.name for page in pages).items() if count > 1]
    if twice:
        raise BadInput(f"Two files are named {twice[0]}; a page is known by its file's name.")
    changes = page_store(settings).put(pages, open_engines(settings).text)
    if as_json:
        passages = {page.name: len(page.passages) for page in pages}
        rows = [{"name": name, "change": change, "passages": passages[name]} for name, change in changes.items()]
        typer.echo(json.dumps({"pages": rows}, ensure_ascii=False))
    else:
        typer.echo(_changes_text(changes))


def _changes_text(changes: "dict[str, Change]") -> str:
    counts = Counter(changes.values())
    return f"{len(changes):,} pages: {counts['new']} new, {counts['changed']} changed, {counts['unchanged']} unchanged."


@app.command("list")
def list_pages(as_json: Json = False) -> None:
    """Show every page: name, passages, title."""
    from assistant.engines import page_store

    pages = page_store(load_settings()).pages()
    if as_json:
        typer.echo(json.dumps({"pages": [page.model_dump() for page in pages]}, ensure_ascii=False))
    else:
        typer.echo("\n".join(map(_line, pages)) or NONE)


def _line(page: "PageInfo") -> str:
    return f"{page.name:<24} {page.passages:>5} passages  {page.title}"


@app.command()
def reindex() -> None:
    """Embed every page anew where another text encoder is set now."""
    from assistant.engines import open_engines, page_store

    settings = load_settings()
    store = page_store(settings)
    store.put([], open_engines(settings).text)
    typer.echo(f"{len(store.pages()):,} pages are embedded by {settings.text.model}.")


@app.command()
def drop(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME...]", help="Pages; all when none is named.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask before all are removed.")] = False,
) -> None:
    """Remove pages by name, or all of them."""
    from assistant.engines import page_store

    store = page_store(load_settings())
    if names:
        unknown = [name for name in names if name not in {page.name for page in store.pages()}]
        if unknown:
            raise BadInput(f"There is no page {unknown[0]!r}; see: assistant pages list.")
    elif not yes:
        if not sys.stdin.isatty():
            raise BadInput("Dropping every page needs a yes; give --yes.")
        typer.confirm("Remove every page?", abort=True)
    typer.echo(f"{store.drop(names or None):,} pages removed.")
