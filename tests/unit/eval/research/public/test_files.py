"""Data sets from files: what is read, and the sentence for what cannot be."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from assistant.errors import BadInput
from eval.research.public import recbole, s3rec
from eval.research.public.amazon import load_mmrec, load_reviews
from eval.research.public.conversations import all_films, load_inspired, load_redial, questions, recall


def reviews(folder: Path) -> Path:
    rows = [
        {"user_id": f"u{user}", "parent_asin": f"p{item}", "rating": 5.0, "timestamp": 1_600_000_000_000 + item}
        for user in range(6)
        for item in range(6)
    ]
    rows.append({"user_id": "once", "parent_asin": "p0", "rating": 1.0, "timestamp": 0})
    path = folder / "Toys.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    meta = [
        {"parent_asin": f"p{item}", "title": f"Toy {item}", "categories": ["Toys"], "features": ["red"]}
        for item in range(7)
    ]
    (folder / "meta_Toys.jsonl.gz").write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in meta).encode()))
    return path


def test_amazon_reviews_are_reduced_to_their_core(tmp_path: Path) -> None:
    dataset = load_reviews(reviews(tmp_path))
    assert len(dataset.interactions) == 36
    assert "once" not in dataset.interactions.users
    assert dataset.texts[0] == "Toy 0. Toys. red"
    assert dataset.interactions.time[0] == 1_600_000_000


def test_amazon_without_descriptions_is_refused(tmp_path: Path) -> None:
    path = reviews(tmp_path)
    (tmp_path / "meta_Toys.jsonl.gz").unlink()
    with pytest.raises(BadInput, match="descriptions of the items are missing"):
        load_reviews(path)


def test_a_wrong_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "Toys.jsonl"
    path.write_text('{"user_id": "u", "parent_asin": "p", "rating": 1, "timestamp": 1}\n{"user_id": "u"}\n')
    (tmp_path / "meta_Toys.jsonl").write_text("")
    with pytest.raises(BadInput, match="line 2: needs user_id"):
        load_reviews(path)


def mmrec(folder: Path, features: np.ndarray) -> Path:
    (folder / "baby.inter").write_text(
        "userID\titemID\trating\ttimestamp\tx_label\n0\t0\t5.0\t10\t0\n0\t2\t4.0\t20\t1\n"
    )
    np.save(folder / "image_feat.npy", features)
    return folder


def test_mmrec_features_are_rows_of_unit_length(tmp_path: Path) -> None:
    dataset = load_mmrec(mmrec(tmp_path, np.array([[3.0, 4.0], [0.0, 2.0], [1.0, 0.0], [9.0, 9.0]])))
    assert dataset.interactions.items == ["0", "1", "2"]
    np.testing.assert_allclose(dataset.features["image"], [[0.6, 0.8], [0, 1], [1, 0]], rtol=1e-6)
    assert "text" not in dataset.features


def test_mmrec_features_with_too_few_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="2 rows and must have one for each of 3 items"):
        load_mmrec(mmrec(tmp_path, np.ones((2, 2))))


def test_pickled_features_are_not_opened(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not a plain array"):
        load_mmrec(mmrec(tmp_path, np.array([{"a": 1}], dtype=object)))


def redial(folder: Path) -> Path:
    talk = {
        "movieMentions": {"1": "Heat (1995)", "2": "Ronin (1998)", "3": "Up (2009)"},
        "respondentWorkerId": 7,
        "messages": [
            {"senderWorkerId": 5, "text": "I loved @1"},
            {"senderWorkerId": 7, "text": "@1 is great, see @2"},
            {"senderWorkerId": 5, "text": "More?"},
            {"senderWorkerId": 7, "text": "@3"},
        ],
    }
    empty = {"movieMentions": [], "respondentWorkerId": 7, "messages": []}
    path = folder / "train.jsonl"
    path.write_text(json.dumps(talk) + "\n" + json.dumps(empty) + "\n")
    return path


def test_redial_asks_for_films_not_named_before(tmp_path: Path) -> None:
    first, second = questions(load_redial(redial(tmp_path)))
    assert (first.said, first.named, first.films) == ("I loved Heat (1995)", {"Heat (1995)"}, {"Ronin (1998)"})
    assert second.films == {"Up (2009)"}
    assert second.named == {"Heat (1995)", "Ronin (1998)"}


def test_films_named_before_are_no_candidates(tmp_path: Path) -> None:
    talks = load_redial(redial(tmp_path))
    films = all_films(talks)
    likes_order = np.tile(np.arange(3, 0, -1, dtype=np.float32), (2, 1))
    found = recall(list(questions(talks)), films, lambda said: likes_order)
    assert films == ["Heat (1995)", "Ronin (1998)", "Up (2009)"]
    assert found["recall@1"].tolist() == [1.0, 1.0]


def test_what_is_not_redial_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"messages": 3}\n')
    with pytest.raises(BadInput, match="line 1: not a conversation of ReDial"):
        load_redial(path)


def test_inspired_is_read_by_dialogue(tmp_path: Path) -> None:
    path = tmp_path / "dev.tsv"
    lines = [
        "dialog_id\tutt_id\tspeaker\ttext\tmovies",
        'a\t1\tSEEKER\tSomething "calm\t',
        "a\t2\tRECOMMENDER\tUp!\tUp (2009); Heat (1995)",
    ]
    path.write_text("\n".join(lines) + "\n")
    (asked,) = questions(load_inspired(path))
    assert asked.said == 'Something "calm'
    assert asked.films == {"Up (2009)", "Heat (1995)"}


def test_inspired_without_its_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "dev.tsv"
    path.write_text("dialog_id\ttext\na\thello\n")
    with pytest.raises(BadInput, match="lacks speaker, movies"):
        load_inspired(path)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (b"\xff\t0\t5\t1\t0", "is not UTF-8"),
        (b"0\t-1\t5\t1\t0", "should be numbered from 0"),
        (b"0\t9999999999999\t5\t1\t0", "should be numbered from 0"),
        (b"0\t0\t5\tinf\t0", "needs the columns"),
        (b"0", "needs the columns"),
        (b"0" * 200_000, "field larger than field limit|needs the columns"),  # ingestion raises the limit
    ],
)
def test_wrong_rows_of_mmrec_are_refused(tmp_path: Path, row: bytes, sentence: str) -> None:
    (tmp_path / "baby.inter").write_bytes(b"userID\titemID\trating\ttimestamp\tx_label\n" + row + b"\n")
    with pytest.raises(BadInput, match=sentence):
        load_mmrec(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no array", b"PK\x03\x04"])
def test_a_file_of_features_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    folder = mmrec(tmp_path, np.ones((3, 2)))
    (folder / "image_feat.npy").write_bytes(content)
    with pytest.raises(BadInput, match=r"image_feat\.npy (cannot be read|is not a plain array)"):
        load_mmrec(folder)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("Toys.jsonl.gz", b"hello", "Not a gzipped file"),
        ("Toys.jsonl.gz", gzip.compress(b"{}\n" * 1000, mtime=0)[:20], "cannot be read"),
        ("Toys.jsonl", b"\xff\n", "is not UTF-8"),
        ("Toys.jsonl", b'{"user_id": 1, "parent_asin": 2, "rating": "x", "timestamp": 1}\n', "is no number"),
    ],
)
def test_reviews_that_cannot_be_read_are_refused(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / f"meta_{name}").write_bytes(b"")
    with pytest.raises(BadInput, match=sentence):
        load_reviews(tmp_path / name)


def test_recbole_reads_times_ratings_and_what_items_are(tmp_path: Path) -> None:
    path = tmp_path / "films.inter"
    path.write_text("user_id:token\titem_id:token\trating:float\ttimestamp:float\nann\ta\t4.5\t20\nann\tb\t1\t10.0\n")
    (tmp_path / "films.item").write_text(
        "item_id:token\ttitle:token_seq\tyear:token\tprice:float\nz\tNobody's\t\t1\na\tHeat\t1995\t2\n"
    )
    dataset = recbole.load(path)
    assert (dataset.name, dataset.timed, dataset.interactions.items) == ("films", True, ["z", "a", "b"])
    assert dataset.texts == ["Nobody's", "Heat. 1995", ""]
    assert dataset.interactions.value.tolist() == [4.5, 1.0]
    assert dataset.interactions.time.tolist() == [20, 10]


def test_recbole_without_times_keeps_the_file_s_order(tmp_path: Path) -> None:
    path = tmp_path / "clicks.inter"
    path.write_text("user_id:token\titem_id:token\nann\tb\nann\ta\n")
    dataset = recbole.load(path)
    assert not dataset.timed
    assert dataset.interactions.in_order().item.tolist() == [0, 1]
    assert dataset.interactions.items == ["b", "a"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "lacks user_id, item_id; its first line should be columns like user_id:token"),
        (b"user_id:token\trating:float\n", "lacks item_id"),
        (b"user_id:token\titem_id:token\nann\n", "line 2: needs 2 columns and has 1"),
        (b"user_id:token\titem_id:token\trating:float\nann\ta\tgood\n", "line 2: the rating or timestamp is no number"),
        (b"user_id:token\titem_id:token\ttimestamp:float\nann\ta\tinf\n", "line 2: the rating or timestamp is no"),
        (b"user_id:token\titem_id:token\n", "holds no interaction"),
        (b"\xff\n", "is not UTF-8"),
    ],
)
def test_what_is_not_recbole_s_is_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "x.inter").write_bytes(content)
    with pytest.raises(BadInput, match=sentence):
        recbole.load(tmp_path / "x.inter")


def test_s3rec_has_a_line_a_user_in_order(tmp_path: Path) -> None:
    path = tmp_path / "Beauty.txt"
    path.write_text("1 7 5 7\n2 5\n")
    dataset = s3rec.load(path)
    assert (dataset.name, dataset.timed, dataset.texts) == ("Beauty (S3-Rec)", False, ["", ""])
    first = dataset.interactions.in_order()
    assert [first.items[item] for item in first.item] == ["7", "5", "5"]


def test_a_line_of_s3rec_without_an_item_is_named(tmp_path: Path) -> None:
    path = tmp_path / "Beauty.txt"
    path.write_text("1 7 5\n2\n")
    with pytest.raises(BadInput, match="line 2: needs a user and at least one item"):
        s3rec.load(path)
