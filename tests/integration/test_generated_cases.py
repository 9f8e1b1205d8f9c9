"""Some generated cases through the real product; `python -m eval.bench fuzz mutated` runs 10,000 of each kind."""

import io
import os
import sys
from pathlib import Path

import pytest
from PIL import Image

from eval.fuzzing import kinds
from eval.fuzzing.counting import Tally, shortened
from eval.fuzzing.files import FIELDS, mutated, originals, with_checksums
from eval.fuzzing.mutated import mutated_files, standard_error
from eval.fuzzing.serving import serving
from tools.errors import MediaError
from tools.media import kind_of

CASES = 150
FILES = 200
SEED = 1


def met(tally: Tally) -> list[str]:
    """The distinct failures, with what showed them."""
    assert tally.cases, "something was tried"
    return [f"{failure.sort}: {failure.description}: {failure.reproducer}" for failure in tally.failures.values()]


@pytest.mark.parametrize("kind", [kinds.reading, kinds.catalogue, kinds.events])
def test_nothing_fails_in_this_process(kind: kinds.Kind, tmp_path: Path) -> None:
    assert met(kind(kinds.FuzzPlan(CASES, SEED, tmp_path))) == []


@pytest.mark.parametrize("kind", [kinds.turns, kinds.requests])
def test_nothing_fails_over_http(kind: kinds.ServedKind, tmp_path: Path) -> None:
    with serving(tmp_path / "service") as served:
        assert met(kind(kinds.FuzzPlan(CASES, SEED, tmp_path), served)) == []


def test_mutated_files_are_answered_or_refused(tmp_path: Path) -> None:
    run = mutated_files(kinds.FuzzPlan(FILES, SEED, tmp_path))
    assert met(run.tally) == []
    assert run.tally.cases == FILES
    read = {"upload 201", "message 200", "JSON message 200"} | {
        f"{tool} 200" for tool in ("describe_image", "transcribe_audio", "describe_video")
    }
    assert {*read, "upload 422", "message 422", "JSON message 422"} <= set(run.tally.notes)


def test_intact_files_are_what_they_are_called(tmp_path: Path) -> None:
    found = dict[str, str]()
    for end, content in originals().items():
        (path := tmp_path / f"file.{end}").write_bytes(content)
        try:
            found[end] = kind_of(path)
        except MediaError:
            found[end] = "refused"
    kinds_of_fields = {"images": "picture", "audio": "audio", "video": "video"}
    expected = {end: kinds_of_fields[field] for field, ends in FIELDS.items() for end in ends}
    assert found == expected | dict.fromkeys(["pdf", "zip", "gz", "svg"], "refused")


def test_a_mutated_file_is_the_same_for_the_same_seed() -> None:
    files = originals()
    assert [mutated(n, 3, files) for n in range(40)] == [mutated(n, 3, files) for n in range(40)]
    assert len({mutated(n, 3, files).content for n in range(40)}) > 30
    assert mutated(0, 3, files) != mutated(0, 4, files)


def test_a_png_with_another_size_gets_right_checksums() -> None:
    png = originals()["png"]
    assert with_checksums(png) == png
    wider = png[:16] + (2000).to_bytes(4, "big") + png[20:]
    assert Image.open(io.BytesIO(with_checksums(wider))).width == 2000
    assert with_checksums(png[:20]) == png[:20]


def test_output_on_standard_error_is_seen_from_python_and_below_it() -> None:
    with standard_error() as output:
        os.write(2, b"a library's warning\n")
        print("a traceback", file=sys.stderr)
        assert output.take().splitlines() == ["a library's warning", "a traceback"]
        assert output.take() == ""


def test_what_fails_is_counted_with_its_smallest_input() -> None:
    tally = Tally("messages")
    for text in ("long input", "short"):
        with tally.timed(text):
            pass
        tally.fail("5xx", "500", text)
    assert (tally.cases, tally.count("5xx")) == (2, 2)
    assert met(tally) == ["5xx: 500: short"]


def test_a_case_can_be_printed_whatever_it_is() -> None:
    assert shortened("\ud8db") == "\\ud8db"
    assert shortened("a" + "9" * 4_000) == "a…9×4000…"
