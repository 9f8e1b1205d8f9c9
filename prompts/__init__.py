"""Every prompt and every sentence the product says, as versioned files, rendered by a strict loader.

A prompt file is Markdown: a YAML header between ``---`` lines (name, version, purpose, variables), then one section a
message, begun by a line ``## system``, ``## user`` or ``## assistant``. Slots are Jinja's; a variable that is missing,
unknown or unused is an error. A sentence file (``messages/LANGUAGE.yaml``) holds one template a key.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal, cast

import yaml
from jinja2 import StrictUndefined, TemplateError, meta
from jinja2.sandbox import SandboxedEnvironment

Role = Literal["system", "user", "assistant"]
FALLBACK_LANGUAGE = "en"


class PromptError(ValueError):
    """A prompt file is malformed, or was rendered with the wrong variables."""


@dataclass(frozen=True)
class Message:
    """One rendered message of a prompt."""

    role: Role
    content: str


@dataclass(frozen=True)
class Prompt:
    """A prompt file: its header, its hash, and its message templates."""

    name: str
    version: int
    purpose: str
    variables: frozenset[str]
    sha256: str
    sections: tuple[tuple[Role, str], ...]

    def render(self, **variables: Any) -> list[Message]:  # noqa: ANN401 - templates take any JSON-able value
        """The messages with their slots filled.

        Raises:
            PromptError: a variable is missing or unknown.
        """
        if set(variables) != self.variables:
            wrong = sorted(set(variables) ^ self.variables)
            raise PromptError(f"The prompt {self.name} takes {sorted(self.variables)}; missing or unknown: {wrong}.")
        return [Message(role, _render(template, variables)) for role, template in self.sections]


@cache
def load_prompt(name: str) -> Prompt:
    """Read and check one prompt file of this folder.

    Raises:
        PromptError: no such file, a malformed header, or slots that differ from the declared variables.
    """
    source = files(__package__) / f"{name}.md"
    if not re.fullmatch(r"[a-z_]+", name) or not source.is_file():
        raise PromptError(f"There is no prompt {name!r}; known: {', '.join(prompt_names())}.")
    text = source.read_text("utf-8")
    match = re.fullmatch(r"---\n(.*?)\n---\n(.*)", text, re.DOTALL)
    if not match:
        raise PromptError(f"The prompt {name} has no header.")
    header = yaml.safe_load(match.group(1))
    sections = _sections(name, match.group(2))
    used = {slot for _, template in sections for slot in meta.find_undeclared_variables(_environment().parse(template))}
    if header["name"] != name or used != set(header["variables"]):
        raise PromptError(f"The prompt {name} declares {header['variables']} but uses {sorted(used)}.")
    return Prompt(
        name, header["version"], header["purpose"], frozenset(used), hashlib.sha256(text.encode()).hexdigest(), sections
    )


def prompt_names() -> list[str]:
    """The names of all prompt files."""
    return sorted(f.name.removesuffix(".md") for f in files(__package__).iterdir() if f.name.endswith(".md"))


def say(key: str, language: str, **variables: Any) -> str:  # noqa: ANN401 - see Prompt.render
    """One sentence in the user's language, or in English where there is no translation.

    Raises:
        PromptError: the key is unknown or a variable is missing.
    """
    sentences = _sentences(language) or _sentences(FALLBACK_LANGUAGE)
    if key not in sentences:
        raise PromptError(f"There is no sentence {key!r}.")
    return _render(sentences[key], variables)


def sentence_keys(language: str) -> set[str]:
    """The keys of one language's sentence file; empty when there is none."""
    return set(_sentences(language))


@cache
def glue_words() -> frozenset[str]:
    """Words an explanation may use without evidence: grammar and the vocabulary of recommending (`glue.yaml`)."""
    return frozenset(yaml.safe_load((files(__package__) / "glue.yaml").read_text("utf-8"))["words"].split())


@cache
def _sentences(language: str) -> dict[str, str]:
    source = files(__package__) / "messages" / f"{language}.yaml"
    if not re.fullmatch(r"[a-z]{2,3}", language) or not source.is_file():
        return {}
    return cast(dict[str, str], yaml.safe_load(source.read_text("utf-8")))


def _sections(name: str, body: str) -> tuple[tuple[Role, str], ...]:
    parts = re.split(r"^## (system|user|assistant)\n", body, flags=re.MULTILINE)
    if parts[0].strip() or len(parts) < 3:
        raise PromptError(f"The prompt {name} must begin with a '## system', '## user' or '## assistant' line.")
    return tuple((cast(Role, role), text.strip()) for role, text in zip(parts[1::2], parts[2::2], strict=True))


@cache
def _environment() -> SandboxedEnvironment:
    environment = SandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    environment.filters["json"] = lambda value: json.dumps(value, ensure_ascii=False)
    environment.filters["number"] = lambda value: f"{value:,.2f}".removesuffix(".00")
    return environment


@cache
def _template(template: str) -> Any:  # noqa: ANN401 - jinja2.Template
    return _environment().from_string(template)


def _render(template: str, variables: Mapping[str, Any]) -> str:
    try:
        return str(_template(template).render(variables))
    except TemplateError as exc:
        raise PromptError(f"A prompt cannot be rendered: {exc}.") from exc
