"""Pages of the shop from Markdown, HTML and plain text: decoded, parsed, and split into passages that can be quoted."""

import html
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal

import yaml
from charset_normalizer import from_bytes
from langchain_text_splitters import RecursiveCharacterTextSplitter
from lxml import etree
from lxml.html import HTMLParser, document_fromstring
from markdown_it import MarkdownIt

from assistant.errors import BadInput
from assistant.ingest.files import detected_encoding
from assistant.ingest.texts import BLOCKS, clean
from tools.media import sniff
from tools.store.pages import Page, Passage

Format = Literal["markdown", "html", "text"]
SUFFIXES: Final[dict[str, Format]] = {
    ".md": "markdown", ".markdown": "markdown", ".html": "html", ".htm": "html", ".xhtml": "html", ".txt": "text",
}  # fmt: skip
MOST_BYTES: Final = 2**20
MOST_PASSAGES: Final = 1_000
PASSAGE_CHARACTERS: Final = 360
"""A passage is quoted whole: two to four sentences."""
TITLE_CHARACTERS: Final = 120

_HIDDEN = ("script", "style", "template", "noscript", "iframe", "object", "svg", "nav", "form", "button", "select")
_ITEM = 7
"""The level of headings that hold for one entry of a list of questions and answers."""
_HEADINGS = {f"h{level}": level for level in range(1, 7)} | {"summary": _ITEM, "dt": _ITEM}
_PARTS = BLOCKS - {"br", "tr", "td", "th"} | {
    "main",
    "header",
    "footer",
    "aside",
    "caption",
    "figcaption",
    "details",
    "summary",
}
_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
_HTML = re.compile(r"<(?:!doctype html|html|body|h1|p)\b", re.IGNORECASE)
_SENTENCE_ENDS = [r"\n", r"(?<=[.!?…]) +", r"(?<=[。！？；])", r"(?<=[,;:，、]) *", " ", ""]

_splitter = RecursiveCharacterTextSplitter(
    _SENTENCE_ENDS, is_separator_regex=True, keep_separator="end", chunk_size=PASSAGE_CHARACTERS, chunk_overlap=0
)


def read_page(path: Path) -> Page:
    """The page in a file, named as the file is.

    Raises:
        BadInput: missing, too large, not text, or without any text in it; one sentence.
    """
    try:
        size = path.stat().st_size
        content = path.read_bytes() if path.is_file() and size <= MOST_BYTES else b""
    except OSError as exc:
        raise BadInput(f"{path} cannot be read: {exc.strerror or exc}.") from exc
    if not path.is_file():
        raise BadInput(f"{path} is not a file.")
    if size > MOST_BYTES:
        raise BadInput(f"{path} is larger than {MOST_BYTES // 1024:,} KiB, the most that a page may have.")
    return page_of(content, path.name)


def page_of(content: bytes, name: str, form: Format | None = None) -> Page:
    """The page in some bytes.

    Args:
        content: Markdown, HTML or plain text.
        name: what it is stored under.
        form: which of them; by the name's ending, or else by its content, when None.

    Raises:
        BadInput: it is too large, not text, or has no text in it.
    """
    if len(content) > MOST_BYTES:
        raise BadInput(f"{name} is larger than {MOST_BYTES // 1024:,} KiB, the most that a page may have.")
    text = clean(_decoded(content, name))
    form = form or SUFFIXES.get(Path(name).suffix.lower()) or ("html" if _HTML.search(text[:4096]) else "text")
    title, sections = _sections(_as_html(text, form))
    passages = [
        Passage(heading=heading[:TITLE_CHARACTERS], text=part.strip())
        for heading, body in sections
        for part in _splitter.split_text(body)
        if any(character.isalnum() for character in part)
    ]
    if not passages:
        raise BadInput(f"{name} has no text in it.")
    if len(passages) > MOST_PASSAGES:
        raise BadInput(f"{name} has {len(passages):,} passages; at most {MOST_PASSAGES:,} are taken of one page.")
    return Page(name=name[:200], title=(title or Path(name).stem)[:TITLE_CHARACTERS], passages=passages)


def _decoded(content: bytes, name: str) -> str:
    encoding, skip = detected_encoding(Path(name), content, "a page", "Markdown, HTML or text")
    if (kind := sniff(content)) and kind not in ("a text file", "an SVG drawing") and encoding == "utf-8":
        raise BadInput(f"{name} is {kind}, not a page (Markdown, HTML or text).")
    with suppress(UnicodeDecodeError):
        return content[skip:].decode(encoding)
    best = from_bytes(content).best()  # it also reads what the page declares of itself
    if best is None:
        raise BadInput(f"{name} is in no known encoding; save it as UTF-8.")
    return str(best)


def _as_html(text: str, form: Format) -> str:
    if form == "html":
        return text
    if form == "text":
        return _marked_up(text)
    front = _FRONT_MATTER.match(text)
    body = MarkdownIt("commonmark").enable("table").render(text[front.end() :] if front else text)
    return f"<title>{html.escape(_stated_title(front[1]))}</title>{body}" if front else body


def _stated_title(front_matter: str) -> str:
    with suppress(yaml.YAMLError):
        values: Any = yaml.safe_load(front_matter)
        if isinstance(values, dict) and isinstance(values.get("title"), str):
            return str(values["title"])
    return ""


def _marked_up(text: str) -> str:
    """Paragraphs by blank lines; a short line by itself that ends like no sentence is the heading of what follows."""
    blocks = [block.strip() for block in re.split(r"\n\s*\n", text) if block.strip()]
    parts: list[str] = []
    for block in blocks:
        heading = "\n" not in block and len(block) <= TITLE_CHARACTERS / 2 and not re.search(r"[.!。！,;]$", block)
        tag = ("h1" if not parts else "h2") if heading and len(blocks) > 1 else "p"
        parts.append(f"<{tag}>{'<br>'.join(html.escape(line) for line in block.splitlines())}</{tag}>")
    return "".join(parts)


def _sections(markup: str) -> tuple[str, list[tuple[str, str]]]:
    """The title, and the text under each heading; a heading names those above it, except the title."""
    try:
        root = document_fromstring(markup.encode(), parser=HTMLParser(encoding="utf-8"))
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return "", []  # nothing in it
    etree.strip_elements(root, etree.Comment, etree.ProcessingInstruction, *_HIDDEN, with_tail=False)
    stated, first, above = root.findtext(".//title") or "", "", dict[int, str]()
    sections: dict[str, list[str]] = {}
    for tag, text in _blocks(root):
        level = _HEADINGS.get(tag)
        if not text:
            above.pop(_ITEM, None)
        elif level is None:
            heading = " > ".join(name for _, name in sorted(above.items()) if name != first)
            sections.setdefault(heading, []).append(text)
        elif level == 1 and not first:
            first = text
        else:
            above = {higher: name for higher, name in above.items() if higher < level} | {level: text}
    title = " ".join((first or stated).split())
    return title, [(heading, "\n".join(texts)) for heading, texts in sections.items()]


def _blocks(root: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - lxml's elements are not typed
    """The text of each block element in the order of the page; no text where a list of questions and answers ends.

    A row of a table is one block, with its columns' names.
    """
    waiting: list[str] = []
    inside = "body"

    def flush() -> Iterator[tuple[str, str]]:
        lines = [" ".join(line.split()) for line in "".join(waiting).split("\0")]
        waiting.clear()
        if text := "\n".join(line for line in lines if line):
            yield inside, text

    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        tag = element.tag
        if tag in ("head", "tr") and event == "start":
            walk.skip_subtree()
            if tag == "tr" and (row := _row(element)):
                yield from flush()
                yield "tr", row
            continue
        if tag in _PARTS:
            yield from flush()
            inside = tag if event == "start" else "body"
            if tag in ("dl", "details") and event == "end":
                yield tag, ""
        if event == "start":
            waiting.append("\0" if tag == "br" else "")
            waiting.append(element.text or "")
        else:
            waiting.append(element.tail or "")
    yield from flush()


def _row(row: Any) -> str:  # noqa: ANN401 - as above
    """A row as text: "Country: France; Days: 3"; nothing for the row that names the columns."""
    cells = [" ".join(cell.text_content().split()) for cell in row if cell.tag in ("td", "th")]
    if all(cell.tag == "th" for cell in row):
        return ""
    table = next(row.iterancestors("table"), row)
    names = [" ".join(cell.text_content().split()) for cell in table.xpath("(.//tr)[1]/th")]
    if len(names) == len(cells) and names:
        return "; ".join(f"{name}: {cell}" if name else cell for name, cell in zip(names, cells, strict=True) if cell)
    return ": ".join(cell for cell in cells if cell)
