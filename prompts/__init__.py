"""Every prompt and every sentence the product says, as versioned files, rendered by a strict loader.

A prompt file is Markdown: a YAML header between ``---`` lines (name, version, purpose, variables), then one section a
message, begun by a line ``## system``, ``## user`` or ``## assistant``. Slots are Jinja's; a variable that is missing,
unknown or unused is an error. A sentence file (``messages/LANGUAGE.yaml``) holds one template a key.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
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
    """What it is given; one that stands in for a prompt of this package may leave some of that out."""
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
def load_prompt(name: str, folder: Path | None = None) -> Prompt:
    """Read and check one prompt file of this package, or the file of that name in ``folder`` that stands in for it.

    A file is read once in a process.

    Raises:
        PromptError: no such file, a malformed header, or slots that differ from the declared variables.
    """
    source = files(__package__) / f"{name}.md"
    if not re.fullmatch(r"[a-z_]+", name) or not source.is_file():
        raise PromptError(f"There is no prompt {name!r}; known: {', '.join(prompt_names())}.")
    default = _read(name, source)
    if folder is None or not (folder / source.name).is_file():
        return default
    override = _read(name, folder / source.name)
    return replace(override, variables=default.variables) if override.variables <= default.variables else override


@cache
def read_prompt(path: Path) -> Prompt:
    """Read and check a prompt file of the same form that another package brings; it is named as its file is.

    Raises:
        PromptError: no such file, a malformed header, or slots that differ from the declared variables.
    """
    return _read(path.stem, path)


def check_folder(folder: Path) -> None:
    """Check a folder of prompt files that are to stand in for this package's.

    Raises:
        PromptError: no such folder, a file that stands in for none, a malformed one, or one with other variables.
    """
    if not folder.is_dir():
        raise PromptError(f"There is no folder with prompts at {folder}.")
    for file in sorted(folder.glob("*.md")):
        default, override = load_prompt(file.stem), load_prompt(file.stem, folder)
        if default.variables != override.variables:
            unknown = sorted(override.variables - default.variables)
            raise PromptError(f"The prompt {file} is given {sorted(default.variables)}, and not {unknown}.")


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


@cache
def nouns(kind: str) -> dict[str, tuple[str, str]]:
    """What items are called with a number, by language: for one and for any other number, ``{}`` for the number.

    Args:
        kind: of the catalogue: shop, content, social or learning.
    """
    forms = yaml.safe_load((files(__package__) / "nouns.yaml").read_text("utf-8"))[kind]
    return {language: (one, other) for language, (one, other) in forms.items()}


def counted(count: int, kind: str, language: str) -> str:
    """A number of items, such as "3 courses"; in English where there is no translation."""
    forms = nouns(kind)
    one, other = forms.get(language, forms[FALLBACK_LANGUAGE])
    return (one if count == 1 else other).format(count)


def languages() -> list[str]:
    """The languages that the product speaks: those with a file of sentences."""
    return sorted(f.name.removesuffix(".yaml") for f in (files(__package__) / "messages").iterdir())


def sentence_keys(language: str) -> set[str]:
    """The keys of one language's sentence file; empty when there is none."""
    return set(_sentences(language))


@cache
def _sentences(language: str) -> dict[str, str]:
    source = files(__package__) / "messages" / f"{language}.yaml"
    if not re.fullmatch(r"[a-z]{2,3}", language) or not source.is_file():
        return {}
    return cast(dict[str, str], yaml.safe_load(source.read_text("utf-8")))


def _read(name: str, source: Traversable) -> Prompt:
    try:
        return _parsed(name, source.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as exc:
        raise PromptError(f"The prompt {source} cannot be read.") from exc


def _parsed(name: str, text: str) -> Prompt:
    match = re.fullmatch(r"---\n(.*?)\n---\n(.*)", text, re.DOTALL)
    if not match:
        raise PromptError(f"The prompt {name} has no header.")
    header, sections = _header(name, match.group(1)), _sections(name, match.group(2))
    used = {slot for _, template in sections for slot in _slots(name, template)}
    if header["name"] != name or used != set(header["variables"]):
        raise PromptError(f"The prompt {name} declares {header['variables']} but uses {sorted(used)}.")
    return Prompt(
        name, header["version"], header["purpose"], frozenset(used), hashlib.sha256(text.encode()).hexdigest(), sections
    )


def _header(name: str, text: str) -> dict[str, Any]:
    try:
        header = yaml.safe_load(text)
    except yaml.YAMLError as exc:
        raise PromptError(f"The header of the prompt {name} is no YAML.") from exc
    if not (isinstance(header, dict) and {"name", "version", "purpose", "variables"} <= set(header)):
        raise PromptError(f"The header of the prompt {name} must have name, version, purpose and variables.")
    return header


def _slots(name: str, template: str) -> set[str]:
    try:
        return meta.find_undeclared_variables(_environment().parse(template))
    except TemplateError as exc:
        raise PromptError(f"The prompt {name} is no template: {exc}.") from exc


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
