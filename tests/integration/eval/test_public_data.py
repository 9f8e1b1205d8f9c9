"""`assistant eval research dataset` as it is typed, over small made files of the published forms."""

from pathlib import Path

import numpy as np
import pytest

from tests.integration.bad_input.conftest import CommandLine, cli

__all__ = ["cli"]

NAMES = {"popularity", "item-kNN", "ALS", "EASE", "image", "hybrid", "hybrid, order off"}
GROUPS = {
    "all users", "no events known", "1 event known", "5 events known", "new items", "new items, among themselves",
}  # fmt: skip
MEASURES = {"recall@10", "recall@20", "ndcg@10", "ndcg@20"}
COLUMNS = "userID\titemID\trating\ttimestamp\tx_label"


def mmrec(folder: Path, *rows: str) -> Path:
    """MMRec's file with these rows."""
    folder.mkdir()
    (folder / "toys.inter").write_text("\n".join([COLUMNS, *rows]) + "\n")
    return folder


def test_recommenders_are_compared_on_a_set_of_mmrec(cli: CommandLine, tmp_path: Path) -> None:
    """Two groups of fifteen people, each with ten items of its own."""
    draw = np.random.default_rng(1)
    chosen = [
        (user, user % 2 * 10 + item, time) for user in range(30) for time, item in enumerate(draw.permutation(10)[:6])
    ]
    folder = mmrec(tmp_path / "toys", *(f"{user}\t{item}\t5.0\t{time}\t0" for user, item, time in chosen))
    np.save(folder / "image_feat.npy", draw.normal(size=(20, 4)))
    told = cli.json("eval", "research", "dataset", folder, "--form", "mmrec", "--json")
    assert (told["dataset"], told["events"], told["seed"]) == ("toys", 180, 7)
    assert told["users"]["all users"] == 30
    assert set(told["means"]) >= GROUPS
    assert {name for by_name in told["means"].values() for name in by_name} <= NAMES | {"hybrid, ridge off"}
    assert {frozenset(means) for by_name in told["means"].values() for means in by_name.values()} == {
        frozenset(MEASURES)
    }
    assert set(told["versus"]["all users"]) == NAMES - {"hybrid"}
    assert set(told["versus"]["all users"]["popularity"]) == {"difference", "interval", "p"}
    assert told["means"]["all users"]["hybrid"]["ndcg@10"] > told["means"]["all users"]["popularity"]["ndcg@10"]


@pytest.mark.models
def test_films_are_found_from_what_was_said(cli: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "dev.tsv"
    lines = [
        "dialog_id\tutt_id\tspeaker\ttext\tmovies",
        "a\t1\tSEEKER\tI want a film about a shark that hunts swimmers\t",
        "a\t2\tRECOMMENDER\tYou should see this one\tJaws: The Shark (1975)",
        "b\t1\tSEEKER\tSomething about cooking\t",
        "b\t2\tRECOMMENDER\tTry it\tThe Kitchen Chef (2008); Recipes of Love (2011)",
    ]
    path.write_text("\n".join(lines) + "\n")
    told = cli.json("eval", "research", "dataset", path, "--form", "inspired", "--json")
    assert (told["conversations"], told["recommendations"], told["films"]) == (2, 2, 3)
    assert told["dense"] == {"recall@1": 0.75, "recall@10": 1.0, "recall@50": 1.0}


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ("mmrec", "must hold exactly one .inter file and holds 0."),
        ("amazon", "The descriptions of the items are missing:"),
        ("s3rec", "cannot be read: No such file or directory."),
        ("recbole", "cannot be read: No such file or directory."),
        ("redial", "cannot be read: No such file or directory."),
        ("inspired", "cannot be read: No such file or directory."),
        ("netflix", "'netflix' is not one of 'amazon', 'mmrec', 's3rec', 'recbole', 'redial', 'inspired'"),
    ],
)
def test_a_file_that_is_not_there_is_refused_in_one_sentence(
    cli: CommandLine, tmp_path: Path, form: str, sentence: str
) -> None:
    assert sentence in cli("eval", "research", "dataset", tmp_path / "none", "--form", form).refused()


def test_a_set_without_anybody_to_test_is_refused(cli: CommandLine, tmp_path: Path) -> None:
    ended = cli("eval", "research", "dataset", mmrec(tmp_path / "toys", "0\t0\t5\t1\t0"), "--form", "mmrec")
    assert "no user with 3 events or more" in ended.refused()


def test_conversations_without_a_film_are_refused(cli: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.write_text("")
    assert "holds no recommendation of a film" in cli("eval", "research", "dataset", path, "--form", "redial").refused()
