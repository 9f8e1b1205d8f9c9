"""The pages of reports in Chromium, with answers that try to take the page over."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from eval.compare.comparing import ComparisonRequest, compare
from eval.report.files import write_text
from eval.report.page import render
from eval.report.run_page import report_page
from eval.report.side_by_side import comparison_page
from eval.report.summary import summarise_run
from tests.e2e.web.conftest import FLAGS, chromium
from tests.unit.eval.made_runs import KINDS, Made, make_run

HOSTILE = "</style></script><script>document.title = 'taken'</script><img src=x onerror=\"document.title = 'taken'\">"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Of one module: while Playwright is there it keeps an event loop running."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def pages(tmp_path: Path) -> dict[str, Path]:
    """A report and a comparison of six cases, of which two fail or flip."""
    cases = [Made(f"case-{n}", passed=n > 1, tags=("voice",) if n % 2 else ("text",), text=HOSTILE) for n in range(6)]
    new = make_run(tmp_path / "new", cases)
    old = make_run(tmp_path / "old", [Made(one.id, tags=one.tags, text=HOSTILE, title=HOSTILE) for one in cases])
    files = {"report": tmp_path / "report.html", "comparison": tmp_path / "comparison.html"}
    write_text(files["report"], report_page(summarise_run(new, [old], KINDS), new))
    write_text(files["comparison"], comparison_page(compare(old, new, ComparisonRequest(KINDS)), old, new))
    return files


def opened(browser: Browser, file: Path, complaints: list[str], width: int) -> Page:
    """The page, with all that its console says and all that it asks of the network."""
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda request: complaints.append(request.url) if request.url != file.as_uri() else None)
    page.goto(file.as_uri())
    return page


@pytest.mark.parametrize("name", ["report", "comparison"])
@pytest.mark.parametrize("width", [1200, 400])
def test_a_page_fits_filters_and_is_not_taken_over(
    browser: Browser, pages: dict[str, Path], name: str, width: int
) -> None:
    complaints: list[str] = []
    page = opened(browser, pages[name], complaints, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.title() in ("new · made", "new against old")
    assert page.inner_text("#shown") == "6 of 6 shown"
    page.check("#failed")
    assert page.inner_text("#shown") == "2 of 6 shown"
    page.select_option("#tag", "voice")
    assert page.locator("details[data-tags]:visible").count() == 1
    assert complaints == []
    page.close()


def test_the_policy_stops_a_script_that_would_slip_through(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "slipped.html"
    page_text = render("base.html.j2").replace("<body>", f"<body>{HOSTILE}<script>document.title = 'taken'</script>")
    file.write_text(page_text, encoding="utf-8")
    complaints: list[str] = []
    page = opened(browser, file, complaints, 800)
    assert page.title() == ""
    assert any("Content Security Policy" in text for text in complaints)
    page.close()
