"""What was said in a recording."""

from pydantic import BaseModel, ConfigDict, Field

from tools.media import load_audio
from tools.records import Transcript
from tools.toolbox import Engines, Resolve, ToolSpec


class Arguments(BaseModel):
    """What to transcribe."""

    model_config = ConfigDict(extra="forbid")

    audio: str = Field(description="the recording's id, such as aud1")
    language: str | None = Field(None, pattern="^[a-z]{2,3}$", description="language code; found out when left out")


def run(engines: Engines, resolve: Resolve, arguments: Arguments) -> Transcript:
    """Decode and transcribe; silence gives ``spoken`` false and no text.

    Raises:
        MediaError: the recording cannot be read.
        ServiceMissing: the speech model is not there.
    """
    audio = load_audio(resolve(arguments.audio), engines.limits)
    return engines.speech.transcribe(audio, arguments.language)


SPEC = ToolSpec("transcribe_audio", "Write down what is said in a voice note.", Arguments, run)
