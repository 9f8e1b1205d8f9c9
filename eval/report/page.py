"""Pages that stand by themselves: templates, one style sheet and one script, all inline, and nothing else may run.

Answers contain hostile text on purpose. Every value is escaped by the templates; should one slip through all the same,
the page's own content security policy allows only the style sheet and the script whose hashes it names, and no network.
"""

import base64
import hashlib
import json
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from eval.compare import words
from eval.compare.records import SHARE, Difference
from eval.report.records import value_of

STYLE = "style.css"
SCRIPT = "filter.js"


def render(template: str, **variables: Any) -> str:  # noqa: ANN401 - templates take any value
    """A page of ``templates/``, with its policy."""
    style, script = _asset(STYLE), _asset(SCRIPT)
    page = _environment().get_template(template)
    return page.render(
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        policy=policy(style, script),
        **variables,
    )


def policy(style: str, script: str) -> str:
    """A content security policy that lets exactly this style sheet and this script in."""
    return (
        f"default-src 'none'; style-src '{_source_hash(style)}'; script-src '{_source_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _source_hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _asset(name: str) -> str:
    return (files("eval.report") / "templates" / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("eval.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": words.number,
        "signed": words.signed,
        "span": words.span,
        "p": words.p_in_words,
        "plain": _plain,
        "value": value_of,
    }
    environment.globals |= {"headline": words.headline, "count": words.count, "reach": reach}
    return environment


def reach(rows: Iterable[Difference]) -> float:
    """How far bars of differences must reach to either side, so that all of a table have one scale."""
    shares = [row for row in rows if row.unit == SHARE]
    return max((abs(end) for row in shares for end in (row.low or 0, row.high or 0, row.difference)), default=0) or 1


def _plain(value: object) -> str:
    """A value as a reader wants it: words as they are, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
