"""Words of a message that the classifiers are unsure of, and the enumerated question to the language model."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from assistant.agent.reading.amounts import find_amounts
from assistant.agent.reading.labels import NUMBER_ROLES, ROLES
from assistant.agent.reading.spans import TaggedTokens
from assistant.understanding.names import longest, name_index
from prompts import Message, load_prompt
from tools.records import Vocabulary

NAME_ROLES: Final = ("prop", "not", "for", "said")
ANSWERS: Final = ("A", "B", "C", "D")
"""The answers that the prompts offer; they stand for `NAME_ROLES`, or for `NUMBER_ROLES`."""

DECISIONS: Final = {"thing": "prop", "prop": "prop", "not": "not"}
"""Roles of names and words that change what is searched for; all others do not, and count as one."""

AROUND: Final = 160
"""How many characters of the message on either side of the words the model reads."""


class RoleQuestion(NamedTuple):
    """What the characters ``start`` to ``end`` of a message are to the customer."""

    text: str
    start: int
    end: int
    number: bool

    @property
    def roles(self) -> tuple[str, ...]:
        """What the answers stand for, in their order."""
        return NUMBER_ROLES if self.number else NAME_ROLES

    def messages(self, folder: Path | None = None) -> list[Message]:
        """The conversation that asks it; ``folder`` may hold prompts that stand in for the product's own."""
        before, after = self.text[: self.start][-AROUND:], self.text[self.end :][:AROUND]
        excerpt = f"{before}[{self.text[self.start : self.end]}]{after}"
        prompt = load_prompt("number_question" if self.number else "role_question", folder)
        return prompt.render(message=" ".join(excerpt.split()))

    def answered(self, probabilities: Mapping[str, float]) -> tuple[str, float]:
        """The role of the likeliest answer, and its probability."""
        best = max(ANSWERS, key=lambda answer: probabilities[answer])
        return self.roles[ANSWERS.index(best)], probabilities[best]


Ask = Callable[[Sequence[RoleQuestion]], Mapping[RoleQuestion, str]]
"""The roles that the language model gives; none where it is unsure too, or is not asked."""


def settled(tagged: TaggedTokens, vocabulary: Vocabulary, language: str, certain: float, ask: Ask) -> TaggedTokens:
    """The same with the roles that the language model gives to brands, words and numbers of which it is unsure.

    Args:
        certain: the probability from which the classifiers are sure.
    """
    currencies = vocabulary.currencies
    numbers = [
        (amount.start, amount.end, True) for amount in find_amounts(tagged.text, language, currencies=currencies)
    ]
    brands = [
        (match.start, match.end, False) for match in longest(name_index(vocabulary).find_all(tagged.text), ["brand"])
    ]
    words = [(span.start, span.end, False) for span in tagged.spans() if span.role in ("prop", "not")]
    questions = [RoleQuestion(tagged.text, *stretch) for stretch in (*numbers, *brands, *words)]
    for question, role in ask(unsure(tagged, questions, certain)).items():
        tagged = tagged.with_role(question.start, question.end, role)
    return tagged


def decision(tagged: TaggedTokens, question: RoleQuestion) -> tuple[str, float]:
    """What the classifiers take the words for, as far as it changes the search, and its probability."""
    if question.number:
        return tagged.role_of(question.start, question.end, number=True)
    sums = dict.fromkeys((*dict.fromkeys(DECISIONS.values()), "said"), 0.0)
    for role, probability in zip(ROLES, tagged.distribution(question.start, question.end), strict=True):
        sums[DECISIONS.get(role, "said")] += float(probability)
    best = max(sums, key=lambda role: sums[role])
    return best, sums[best]


def unsure(tagged: TaggedTokens, questions: Iterable[RoleQuestion], certain: float) -> list[RoleQuestion]:
    """The questions that the classifiers answer with less than this probability, the least sure ones first."""
    probabilities = {question: decision(tagged, question)[1] for question in dict.fromkeys(questions)}
    uncertain = [question for question, probability in probabilities.items() if probability < certain]
    return sorted(uncertain, key=lambda question: probabilities[question])
