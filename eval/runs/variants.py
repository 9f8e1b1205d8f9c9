"""What is evaluated: variants by name, from the command line, from a file; and what each changes in the settings.

assistant                                  the product as it is configured
quick:turn.rounds=4,llm.model=NAME         any key of docs/configuration.md, under a name of one's own
plan3:prompts=FOLDER                       prompt files that stand in for the product's own of the same name
mute:without=voice+photo                   signals taken away from every turn
words:answerer=bm25,turn.top_n=20          another answerer than the assistant
"""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, get_args

import yaml
from pydantic import ValidationError

from assistant.errors import BadInput
from assistant.settings import Section, Settings, load_settings
from eval.runs.records import EvalVariant

ANSWERERS: Final[tuple[str, ...]] = get_args(EvalVariant.model_fields["answerer"].annotation)
SIGNALS: Final[tuple[str, ...]] = get_args(get_args(EvalVariant.model_fields["without"].annotation)[0])

BUILT_IN: Final = {
    variant.name: variant
    for variant in (
        *(EvalVariant.model_validate({"name": name, "answerer": name}) for name in ANSWERERS),
        *(EvalVariant.model_validate({"name": f"no-{s.replace('_', '-')}", "without": [s]}) for s in SIGNALS),
    )
}
"""Each answerer under its own name, and the assistant without one signal: no-photo, no-voice, no-text, ..."""

NOT_FOR_VARIANTS: Final = {"home", "data", "run", "chroma_url", "service", "models"}
"""Where things lie and how they are served: no variant is made of that, and a suite has a catalogue of its own."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")
_SEPARATOR: Final = re.compile(r",(?=\s*[a-z_.]+=)")


def parse_variant(text: str) -> EvalVariant:
    """A variant as the command line gives it: a built-in name, or ``NAME:key=value,...``; values are YAML.

    Raises:
        BadInput: it is neither, or a key or value does not exist.
    """
    name, colon, assignments = text.partition(":")
    if not colon:
        if name in BUILT_IN:
            return BUILT_IN[name]
        raise BadInput(f"There is no variant {name!r}; known: {', '.join(BUILT_IN)}; or define one: NAME:key=value,...")
    fields: dict[str, Any] = {"settings": {}}
    for pair in _SEPARATOR.split(assignments):
        key, equals, value = pair.strip().partition("=")
        if not equals or not key:
            raise BadInput(f"In the variant {name!r}, {pair!r} is not of the form key=value.")
        _set_field(fields, key, _value(key, value))
    return _variant(name, fields, Path())


def read_variants(path: Path) -> list[EvalVariant]:
    """Variants of a YAML file: a mapping from names to ``answerer``, ``settings``, ``prompts`` and ``without``.

    Raises:
        BadInput: the file cannot be read, or a variant of it is wrong.
    """
    try:
        definitions = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeError) as exc:
        raise BadInput(f"The file of variants {path} cannot be read.") from exc
    except yaml.YAMLError as exc:
        raise BadInput(f"The file of variants {path} is no YAML: {' '.join(str(exc).split())}.") from exc
    if not isinstance(definitions, dict) or not all(isinstance(fields, dict | None) for fields in definitions.values()):
        raise BadInput(f"The file of variants {path} must map names to tables of settings.")
    return [_variant(str(name), fields or {}, path.parent) for name, fields in definitions.items()]


def chosen_variants(texts: Sequence[str], files: Sequence[Path]) -> list[EvalVariant]:
    """All variants that a command asks for, in its order; the assistant alone where it asks for none.

    Raises:
        BadInput: one is wrong, or two have the same name.
    """
    variants = [parse_variant(text) for text in texts]
    variants += [variant for path in files for variant in read_variants(path)]
    names = [variant.name for variant in variants]
    if double := next((name for name in names if names.count(name) > 1), None):
        raise BadInput(f"There are two variants named {double!r}; give one another name.")
    return variants or [BUILT_IN["assistant"]]


def variant_settings(variant: EvalVariant, settings: Settings) -> Settings:
    """The settings with what the variant changes.

    Raises:
        BadInput: a key does not exist, or is not for variants.
        ConfigError: a value is not what its key takes.
    """
    for key, value in variant.settings.items():
        settings = _with(settings, key, value)
    if variant.prompts is not None:
        settings = _with(settings, "prompts", variant.prompts)
    if "llm_rank" in variant.without:
        settings = _with(settings, "turn.ranking", "fused")
    return settings


def _set_field(fields: dict[str, Any], key: str, value: Any) -> None:  # noqa: ANN401 - any YAML value
    """Sort one ``key=value`` in: a field of the variant itself, or a setting."""
    if key == "without":
        fields["without"] = [signal.strip().replace("-", "_") for signal in str(value).split("+")]
    elif key in ("answerer", "prompts"):
        fields[key] = value
    else:
        fields["settings"][key] = value


def _value(key: str, text: str) -> Any:  # noqa: ANN401 - any YAML value
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as exc:
        raise BadInput(f"The value of {key} is no YAML: {text!r}.") from exc


def _variant(name: str, fields: dict[str, Any], folder: Path) -> EvalVariant:
    """A variant of one's own, held to the records and to the settings; ``folder``: where relative paths start."""
    if not _NAME.fullmatch(name):
        raise BadInput(f"{name!r} is no name of a variant: small letters, digits, dots and dashes.")
    if name in BUILT_IN:
        raise BadInput(f"{name!r} is a built-in variant; give yours another name, for example my-{name}.")
    if isinstance(fields.get("prompts"), str):
        fields = {**fields, "prompts": str((folder / Path(fields["prompts"]).expanduser()).absolute())}
    try:
        variant = EvalVariant.model_validate({**fields, "name": name})
    except ValidationError as exc:
        first = exc.errors()[0]
        raise BadInput(f"The variant {name!r} is wrong at {first['loc'][0]}: {first['msg']}.") from exc
    variant_settings(variant, load_settings())
    return variant


def _with(settings: Settings, key: str, value: Any) -> Settings:  # noqa: ANN401 - validated by the settings
    """The settings with one key changed; ``turn.weights.picture`` changes one entry of a table.

    The value goes through `load_settings`, so that it is held to what holds for a configuration file.
    """
    section, _, subkey = key.partition(".")
    name, _, entry = subkey.partition(".")
    _check_key(key, section, name)
    part = getattr(settings, section)
    if not name:
        return settings.model_copy(update={section: getattr(load_settings(**{section: value}), section)})
    if entry:
        value = {**_table(getattr(part, name), key), entry: value}
    loaded = getattr(load_settings(**{section: {name: value}}), section)
    return settings.model_copy(update={section: part.model_copy(update={name: getattr(loaded, name)})})


def _check_key(key: str, section: str, name: str) -> None:
    if section in NOT_FOR_VARIANTS:
        raise BadInput(f"The setting {key} says where things lie or how they are served; a variant cannot change it.")
    keys = _keys()
    if (f"{section}.{name}" if name else section) not in keys:
        near = get_close_matches(key, keys, n=1)
        raise BadInput(
            f"There is no setting {key}{f'; did you mean {near[0]}?' if near else ', see docs/configuration.md.'}"
        )


def _table(value: object, key: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadInput(f"There is no setting {key}: {key.rpartition('.')[0]} is no table.")
    return value


def _keys() -> list[str]:
    """Every key that a variant may change."""
    keys = []
    for name, field in Settings.model_fields.items():
        kind = field.annotation
        if name in NOT_FOR_VARIANTS:
            continue
        inner = kind.model_fields if isinstance(kind, type) and issubclass(kind, Section) else {}
        keys += [f"{name}.{key}" for key in inner] or [name]
    return keys
