"""What programs send in the forms of other protocols."""

from pydantic import BaseModel, ConfigDict, model_validator


class Lenient(BaseModel):
    """Base of what clients send: keys that mean nothing here are passed over, and null is as if it were left out."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        return {name: value for name, value in given.items() if value is not None}
