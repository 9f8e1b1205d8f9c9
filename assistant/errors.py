"""Every error that `assistant` raises on purpose; the base classes stand in `tools.errors`.

ProductError
├── ConfigError         a setting is wrong; the person fixes it (exit code 2)
├── ServiceMissing
│   ├── ModelMissing    a model file is not there: `assistant models pull NAME`
│   └── LLMUnavailable  the language model's server is not there, hangs or fails
├── PullError           a model file could not be fetched, assembled or converted
├── LLMBadReply         the server answered something that is not what was asked for
└── SessionError        a session that does not exist or cannot be read
"""

from tools.errors import (
    BadInput,
    CatalogueBusy,
    EncoderMismatch,
    MediaError,
    ProductError,
    ServiceMissing,
    StoreError,
    ToolFailure,
    UnknownItem,
    UnknownTool,
)


class ConfigError(ProductError):
    """A setting is wrong or two settings contradict each other."""


class ModelMissing(ServiceMissing):
    """A model file is absent or incomplete."""

    def __init__(self, name: str, problem: str = "absent") -> None:
        state = "is not here; fetch it" if problem == "absent" else f"cannot be used ({problem}); mend it"
        super().__init__(f"The model {name} {state} with: assistant models pull {name}")
        self.name = name


class PullError(ProductError):
    """A model file could not be fetched, assembled or converted."""

    exit_code = 3


class LLMUnavailable(ServiceMissing):
    """The language model's server does not answer (in time)."""


class LLMBadReply(ProductError):
    """The language model's server answered, but not with what was asked for."""


class SessionError(BadInput):
    """No such session, or it cannot be read."""


__all__ = [
    "BadInput",
    "CatalogueBusy",
    "ConfigError",
    "EncoderMismatch",
    "LLMBadReply",
    "LLMUnavailable",
    "MediaError",
    "ModelMissing",
    "ProductError",
    "PullError",
    "ServiceMissing",
    "SessionError",
    "StoreError",
    "ToolFailure",
    "UnknownItem",
    "UnknownTool",
]
