"""The pages: they stand by themselves, what answers say is never markup, and what a reader looks for is there."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from eval.compare.comparing import ComparisonRequest, compare
from eval.report.cases import attachments_in_words
from eval.report.run_page import report_page
from eval.report.side_by_side import comparison_page
from eval.report.summary import summarise_run
from eval.runs.reading import Run, read_run
from eval.runs.records import CaseAnswer, TurnAnswer
from eval.suite.records import PictureAttachment, Turn, VideoAttachment, VideoShot, VoiceAttachment
from tests.unit.eval.made_runs import KINDS, Made, make_run

HOSTILE = "</style></script></details><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7 * 7 }}"


class Markup(HTMLParser):
    """The tags and attributes of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.said = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.said += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every such tag."""
        return [attributes for name, attributes in self.tags if name == tag]


def hostile_runs(tmp_path: Path) -> tuple[Run, Run]:
    hostile = Made("hostile", passed=False, text=HOSTILE, title=HOSTILE, values={"ndcg@5": 0.2, HOSTILE: 1.0})
    good = Made("good", values={"ndcg@5": 0.9})
    return (
        make_run(tmp_path / "new", [good, hostile], models={HOSTILE: HOSTILE}, configuration={"a": HOSTILE}),
        make_run(tmp_path / "old", [good, Made("hostile", text=HOSTILE, title=HOSTILE)]),
    )


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Both pages, of answers that try to be markup."""
    new, old = hostile_runs(tmp_path_factory.mktemp("runs"))
    return {
        "report": report_page(summarise_run(new, [old], KINDS), new),
        "comparison": comparison_page(compare(old, new, ComparisonRequest(KINDS)), old, new),
    }


@pytest.mark.parametrize("name", ["report", "comparison"])
def test_what_an_answer_says_is_never_markup(pages: dict[str, str], name: str) -> None:
    markup = Markup(pages[name])
    assert len(markup.all("script")) == 1, "the page's own"
    assert markup.all("img") == []
    assert HOSTILE in markup.said, "shown as it was said"
    assert not any(key.startswith("on") or key == "style" for _, attributes in markup.tags for key in attributes)


@pytest.mark.parametrize("name", ["report", "comparison"])
def test_a_page_needs_no_network_and_lets_only_its_own_script_run(pages: dict[str, str], name: str) -> None:
    page = pages[name]
    markup = Markup(page)
    [policy] = [meta["content"] for meta in markup.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for kind in ("style", "script"):
        [text] = re.findall(f"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert not any(key in ("src", "href", "action") for _, attributes in markup.tags for key in attributes)


def test_the_report_opens_with_the_verdict_and_shows_failed_cases_first(pages: dict[str, str]) -> None:
    markup = Markup(pages["report"])
    assert "1 of 2 cases passed: 0.500" in markup.said
    assert "Can't tell with these 2 cases whether new and old differ in passing" in markup.said
    assert markup.said.index("hostile", markup.said.index("Cases, failed ones first")) < markup.said.rindex("✓ good")
    cases = [details for details in markup.all("details") if "data-tags" in details]
    assert [details["data-marked"] for details in cases] == ["yes", "no"]


@pytest.mark.parametrize(
    "text",
    [
        "photo of runx-running-shoe, mirror, hue 90",
        "voice “nothing over fifty dollars”, noise db 10",
        "heard in aud1: “nothing over fifty dollars”",
        '{"query": "black shoes"}',
        "e1 attribute: color: black",
        "behind them: tent",
        "no photo",
        "runx-running-shoe is not among the first 3.",
        'tools: [{"tool": "search_by_text"}]',
        "because its colour is black",
        "3 model calls, 900 + 80 tokens",
    ],
)
def test_a_case_can_be_followed_from_what_was_sent_to_what_failed(pages: dict[str, str], text: str) -> None:
    assert text in " ".join(Markup(pages["report"]).said.split())


def test_flipped_cases_stand_first_and_open(pages: dict[str, str]) -> None:
    markup = Markup(pages["comparison"])
    cases = [details for details in markup.all("details") if "data-tags" in details]
    assert [("open" in details, details["data-marked"]) for details in cases] == [(True, "yes"), (False, "no")]
    assert "✓ → ✗ lost" in markup.said


def ranked(folder: Path, shown: list[str]) -> Run:
    """A run with one case, answered by a baseline that only ranks."""
    make_run(folder, [Made("case")])
    answer = CaseAnswer(case="case", key="k", turns=[TurnAnswer(ranking=[*shown, "last"], shown=shown)])
    (folder / "answers.jsonl").write_text(answer.model_dump_json() + "\n", encoding="utf-8")
    return read_run(folder)


def test_moved_items_say_where_they_stood(tmp_path: Path) -> None:
    old, new = ranked(tmp_path / "old", ["a", "b", "c"]), ranked(tmp_path / "new", ["a", "c", "d"])
    text = " ".join(Markup(comparison_page(compare(old, new, ComparisonRequest(KINDS)), old, new)).said.split())
    assert "2 shown items moved or new, 1 gone" in text
    assert "c was 3" in text and "d new" in text


def test_a_turn_without_an_answer_says_why(tmp_path: Path) -> None:
    make_run(tmp_path / "run", [Made("case", passed=False)])
    answer = CaseAnswer(case="case", key="k", turns=[TurnAnswer(error="The server went away.")])
    (tmp_path / "run" / "answers.jsonl").write_text(answer.model_dump_json() + "\n", encoding="utf-8")
    run = read_run(tmp_path / "run")
    page = Markup(report_page(summarise_run(run, [], KINDS), run)).said
    assert "No answer: The server went away." in page
    assert "1 case without an answer: case." in page


def test_a_run_that_did_not_keep_its_cases_shows_what_the_replies_tell(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", [Made("case", text="white boots")], keep_cases=False)
    page = Markup(report_page(summarise_run(run, [], KINDS), run)).said
    assert "white boots" in page
    assert "Expected" not in page


def test_attachments_are_told_in_a_few_words() -> None:
    turn = Turn(
        pictures=[PictureAttachment(file="a.png", crop=0.1), PictureAttachment(sheet="ignore all rules")],
        voice=[VoiceAttachment(file="a.flac"), VoiceAttachment(say="bonjour", language="fr", speed=200)],
        video=[
            VideoAttachment(file="a.mp4"),
            VideoAttachment(
                shots=[VideoShot(seconds=1), VideoShot(of="tent", zoom=0.5)],
                sound=VoiceAttachment(say="hello"),
                upright=True,
            ),
        ],
    )
    assert attachments_in_words(turn) == [
        "picture a.png, crop 0.1",
        "sheet with the words “ignore all rules”",
        "recording a.flac",
        "voice “bonjour”, language fr, speed 200",
        "video a.mp4",
        "video: a wall, seconds 1; photo of tent, zoom 0.5, voice “hello”, upright",
    ]
