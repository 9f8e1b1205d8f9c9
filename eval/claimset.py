"""The labelled sentences: how often a checker of claims refuses what is false and accepts what is true."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from assistant.claims import Explanation, OtherItem, PriceLimit, unsupported
from assistant.claims.entailment import Entailment
from assistant.records import Evidence
from tools.records import Vocabulary

_EVALUATION = "eval.measures.claimset_adapter"

Half = Literal["dev", "test", "fresh"]


class ClaimRecord(BaseModel):
    """One labelled sentence with its evidence; see the README beside the data."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    language: str
    catalogue_language: str
    wish: str
    limits: dict[str, Any]
    item: dict[str, Any]
    others: list[dict[str, Any]]
    evidence: list[dict[str, Any]]
    sentence: str
    is_true: bool = Field(alias="true")
    kind: str


Check = Callable[[ClaimRecord], bool]
"""Whether a sentence is accepted."""


@dataclass
class Counts:
    """How many sentences of one kind a checker judged rightly."""

    right: int = 0
    of: int = 0

    @property
    def accuracy(self) -> float:
        """The fraction judged rightly; 1 of none."""
        return self.right / self.of if self.of else 1.0


@dataclass
class ClaimFigures:
    """What a checker made of a set: true sentences accepted, false ones refused, by kind and by language."""

    groups: dict[tuple[bool, str, str], Counts] = field(default_factory=dict)
    """By (true, kind, language)."""

    def counts(self, *, true: bool, kind: str | None = None, languages: Iterable[str] | None = None) -> Counts:
        """The sentences of a group together."""
        groups = [
            counts
            for (label, name, language), counts in self.groups.items()
            if label == true and kind in (None, name) and (languages is None or language in set(languages))
        ]
        return Counts(sum(group.right for group in groups), sum(group.of for group in groups))


def load_records(half: Half) -> list[ClaimRecord]:
    """The sentences of one half of the set."""
    lines = (files("eval") / "data" / "claims" / f"{half}.jsonl").read_text("utf-8").splitlines()
    return [ClaimRecord.model_validate_json(line) for line in lines if line.strip()]


def evaluate(check: Check, records: Iterable[ClaimRecord]) -> ClaimFigures:
    """A checker's figures on the sentences."""
    figures = ClaimFigures()
    for record in records:
        counts = figures.groups.setdefault((record.is_true, record.kind, record.language), Counts())
        counts.of += 1
        counts.right += check(record) == record.is_true
    return figures


def rules_check(record: ClaimRecord) -> bool:
    """Whether the product would say the sentence without its classifier."""
    return not product_problems(record)


def product_problems(record: ClaimRecord, entailment: Entailment | None = None) -> list[str]:
    """What the product finds unsupported in the sentence."""
    maximum = record.limits.get("max_price")
    explanation = Explanation(
        text=record.sentence,
        title=record.item["title"],
        evidence=evidence_of(record),
        language=record.language,
        evidence_language=record.catalogue_language,
        wish=record.wish,
        limit=PriceLimit(maximum, record.limits.get("currency")) if maximum is not None else None,
        others=tuple(OtherItem(other["title"], other.get("price"), other.get("currency")) for other in record.others),
    )
    return unsupported(explanation, _vocabulary(record), entailment)


def evidence_of(record: ClaimRecord) -> list[Evidence]:
    """The record's evidence as the product has it."""
    return [
        Evidence(id=f"e{number}", item_id=str(record.item.get("id", "x")), detail="", **entry)
        for number, entry in enumerate(record.evidence, start=1)
    ]


def _vocabulary(record: ClaimRecord) -> Vocabulary:
    brands = {item.get("brand") for item in [record.item, *record.others]}
    return Vocabulary(brands=sorted(str(brand) for brand in brands if brand))


def checkers(entailment: Entailment | None) -> dict[str, Check]:
    """The checkers by name: the product's, its rules alone, and the evaluation's own where it takes these records."""
    by_name: dict[str, Check] = {"rules": rules_check}
    if entailment:
        by_name = {"product": lambda record: not product_problems(record, entailment), **by_name}
    if find_spec(_EVALUATION) is not None:
        supported = import_module(_EVALUATION).supported
        by_name["evaluation"] = lambda record: bool(supported(record.model_dump(by_alias=True)))
    return by_name
