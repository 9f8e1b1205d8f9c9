"""Catalogue lines and CSV files, plausible and hostile; `lines` are JSON texts without their line feed."""

import json

from hypothesis import strategies as st

from tests.strategies import json_texts

WORDS = st.sampled_from(
    [
        "Oak chair",
        "Ladies' shoe",
        "红色 运动鞋",
        "Lampe à huile",
        "T-Shirt",
        "Ящик",
        "キャンプ テント",
        "<b>Bold</b> &amp; soft",
        "1",
    ]
)
PRICES = st.sampled_from(
    """12.50|1.299|1.299,00|1'299.00|1,29,999|1 299,99 zł|R$ 199,90|kr 199|₹1,29,999|CHF 49.-|49,-|ab 49,00 €|from $10
    |$20.00 - $30.00|$19.99 USD|free|-5|0|nan|inf|1e999|10-20|¥900|£7|ask|%|١٢٣|१२३|１２９９|1,299|1.2.3""".replace(
        "\n", ""
    ).split("|")
)
STOCK = st.sampled_from(
    """ja|nein|oui|non|sí|no|有货|缺货|preorder|backorder|low stock|limited availability|http://schema.org/InStock|12|0|-3
    |https://schema.org/OutOfStock|in_stock|out of stock|perhaps|1e999|TRUE|False|在庫あり""".replace("\n", "").split(
        "|"
    )
)
CURRENCIES = st.sampled_from(["USD", "eur", "€", "zł", "CNY", "not a currency", ""])
ADDRESSES = st.sampled_from(
    [
        "https://example.com/1",
        "http://127.0.0.1/x.png",
        "javascript:alert(1)",
        "images/1.png",
        "../../etc/passwd",
        "a|b",
    ]
)


def text(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """As JSON."""
    return strategy.map(json.dumps)


IDS = st.one_of(
    text(st.sampled_from(["1", "chair-1", "a/b", "红", "x y", "A", " padded ", "...", "percent%20"])),
    st.integers(0, 99).map(str),
    st.integers(0, 99).map(lambda n: json.dumps(f"item-{n}")),
)
FIELDS: dict[str, st.SearchStrategy[str]] = {
    "title": text(WORDS),
    "description": text(WORDS | st.just("long " * 5_000)),
    "price": text(PRICES) | json_texts.NUMBERS,
    "currency": text(CURRENCIES),
    "category": text(WORDS | st.just("Home > Chairs") | st.just("x" * 900)),
    "brand": text(WORDS),
    "url": text(ADDRESSES),
    "image": text(ADDRESSES),
    "images": st.lists(text(ADDRESSES), max_size=3).map(json_texts.array),
    "audio": text(ADDRESSES),
    "in_stock": text(STOCK) | st.sampled_from(["true", "false", "1", "0"]) | json_texts.NUMBERS,
    "attributes": st.dictionaries(st.sampled_from(["color", "price", "sizes"]), text(WORDS)).map(json_texts.object_of),
}


@st.composite
def lines(draw: st.DrawFn, *, ids: st.SearchStrategy[str] = IDS) -> str:
    """One line: mostly an item with a few odd values, so that it is accepted and its values have to be dealt with."""
    pairs = [("id", draw(ids))] if draw(st.integers(0, 19)) else []
    for name in draw(st.lists(st.sampled_from(sorted(FIELDS)), unique=True, max_size=7)):
        usual = draw(st.integers(0, 4))
        pairs.append((name if usual else draw(_spellings(name)), draw(FIELDS[name] if usual else json_texts.values())))
    pairs += draw(st.lists(st.tuples(json_texts.TEXTS | WORDS, json_texts.values()), max_size=4))
    if not any(name == "title" for name, _ in pairs) and draw(st.integers(0, 9)):
        pairs.append(("title", draw(text(WORDS))))
    return json_texts.object_of(draw(st.permutations(pairs)))


def broken_lines() -> st.SearchStrategy[str]:
    """Lines that are no JSON object, or no JSON."""
    return st.one_of(
        json_texts.values(),
        st.text(max_size=40),
        lines().map(lambda line: line[: len(line) // 2]),
        st.sampled_from(["[" * 5_000, "{" * 5_000, '{"id": "1", "title": "x"', '"', "\x00", "NaN"]),
    ).map(lambda line: line.replace("\n", " ").replace("\r", " "))


def _spellings(name: str) -> st.SearchStrategy[str]:
    return st.sampled_from([name, name.upper(), f" {name} ", name.title()])


@st.composite
def csv_files(draw: st.DrawFn) -> str:
    """A CSV file with the contract's columns and others, cells of every kind, and ids that repeat."""
    columns = ["id", *draw(st.lists(st.sampled_from([*FIELDS, "color", "size"]), unique=True, max_size=6))]
    cells = {name: _cells(name) for name in columns}
    rows = draw(st.lists(st.tuples(*(cells[name] for name in columns)), min_size=1, max_size=8))
    delimiter = draw(st.sampled_from(",;\t"))
    quoted = [delimiter.join('"' + cell.replace('"', '""') + '"' for cell in row) for row in [tuple(columns), *rows]]
    return "\n".join(quoted) + "\n"


def _cells(name: str) -> st.SearchStrategy[str]:
    usual = {"id": st.sampled_from(["1", "2", "3", ""]), "price": PRICES, "in_stock": STOCK, "image": ADDRESSES}
    characters = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20)
    return st.one_of(st.just(""), usual.get(name, WORDS), usual.get(name, WORDS), characters)
