"""The catalogue's tables. SQLite holds the truth, vectors included; everything else can be made again from it.

``items.key`` is never reused, so that a stale vector index can't take one item for another. ``words`` has the item's
key as its rowid. ``places`` says which vector stands for which item in which space; vectors lie apart, found by encoder
and by the hash of what was encoded, so that equal texts and pictures are encoded once. ``seq`` counts every change of a
place: the Chroma index remembers up to which ``seq`` it has followed. ``offers`` has each item as itself (ordinal 0)
and as each of its variants (1, 2, ..., in order of preference). ``attributes`` has every name and value once as it is
written and in comparable form, ``options`` which offers have it (ordinal 0: all offers of the item). ``meta`` also
counts the items, `tools.store.counters` what they have.
"""

SCHEMA_VERSION = 6

SPACES = ("text", "visual", "joint", "joint_text", "sound")
"""text: item text; visual: pictures by looks; joint: pictures in the words' space; joint_text: item text in that space
(for encoders whose words' space isn't the text space); sound: recordings, and the sound of videos."""

OFFER_TABLES = """
CREATE TABLE offers (
    item INTEGER NOT NULL, ordinal INTEGER NOT NULL, price REAL, in_stock INTEGER, PRIMARY KEY (item, ordinal)
) WITHOUT ROWID;
CREATE INDEX offers_price ON offers (price, in_stock);
CREATE TABLE attributes (
    key INTEGER PRIMARY KEY, name TEXT NOT NULL, value TEXT NOT NULL, name_key TEXT NOT NULL, value_key TEXT NOT NULL,
    UNIQUE (name, value)
);
CREATE INDEX attributes_key ON attributes (name_key, value_key);
CREATE TABLE options (
    attribute INTEGER NOT NULL, item INTEGER NOT NULL, ordinal INTEGER NOT NULL,
    PRIMARY KEY (attribute, item, ordinal)
) WITHOUT ROWID;
CREATE INDEX options_item ON options (item)
"""
"""What is made from the records when a catalogue of an earlier version is opened."""

SOUND_TABLE = """
CREATE TABLE IF NOT EXISTS sounds (
    item INTEGER NOT NULL,
    position INTEGER NOT NULL,
    reference TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    size INTEGER,
    mtime_ns INTEGER,
    hash BLOB,
    PRIMARY KEY (item, position)
) WITHOUT ROWID
"""
"""Likewise; its rows come with the next ingestion."""

ITEM_INDEXES = """
CREATE INDEX IF NOT EXISTS items_by_title ON items (title_key, id);
CREATE INDEX IF NOT EXISTS items_by_price ON items (price, title_key, id);
CREATE INDEX IF NOT EXISTS items_category ON items (category, currency);
CREATE INDEX IF NOT EXISTS items_brand_name ON items (brand)
"""
"""What browsing goes through and the vocabulary is counted from."""

TABLES = f"""{OFFER_TABLES};{SOUND_TABLE};
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE items (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    title_key TEXT NOT NULL,
    price REAL,
    currency TEXT,
    category TEXT,
    brand TEXT,
    brand_key TEXT,
    in_stock INTEGER,
    content_hash BLOB NOT NULL,
    text_hash BLOB,
    record TEXT NOT NULL
);
CREATE INDEX items_brand ON items (brand_key);
{ITEM_INDEXES};
CREATE TABLE categories (item INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (name, item)) WITHOUT ROWID;
CREATE INDEX categories_item ON categories (item);
CREATE TABLE pictures (
    item INTEGER NOT NULL,
    position INTEGER NOT NULL,
    reference TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    size INTEGER,
    mtime_ns INTEGER,
    hash BLOB,
    PRIMARY KEY (item, position)
) WITHOUT ROWID;
CREATE TABLE encoders (key INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE);
CREATE TABLE spaces (space TEXT PRIMARY KEY, encoder INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE vectors (
    encoder INTEGER NOT NULL, hash BLOB NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (encoder, hash)
);
CREATE TABLE places (
    space TEXT NOT NULL,
    item INTEGER NOT NULL,
    position INTEGER NOT NULL,
    hash BLOB NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (space, item, position)
) WITHOUT ROWID;
CREATE INDEX places_seq ON places (space, seq);
CREATE INDEX places_hash ON places (hash);
CREATE TABLE removed (space TEXT NOT NULL, seq INTEGER NOT NULL, place TEXT NOT NULL, PRIMARY KEY (space, seq))
    WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5 (title, facts, attributes, description, tokenize = 'ascii');
"""

REPLICATED = {
    "meta": ("name",),
    "items": ("key",),
    "pictures": ("item", "position"),
    "sounds": ("item", "position"),
    "encoders": ("key",),
    "spaces": ("space",),
    "vectors": ("encoder", "hash"),
    "places": ("space", "item", "position"),
    "removed": ("space", "seq"),
}
"""The tables that machines share, with their primary keys; every other one is made from the items' records."""

LOCAL_FACTS = ("schema", "replica")
"""Names in ``meta`` that are of one file; ``replica``: how far it has followed a server (`tools.store.replica`)."""

WORD_WEIGHTS = (4.0, 2.0, 2.0, 1.0)
"""BM25 weights of the columns of ``words``, in order."""
