"""transcribe_audio: what is said in a recording."""

from pydantic import Field

from tools.media import load_audio
from tools.records import Transcript
from tools.tool import Arguments, Context, Tool


class TranscribeAudio(Arguments):
    """Arguments of transcribe_audio."""

    audio: str = Field(min_length=1, description="the recording, such as aud1")
    language: str | None = Field(None, max_length=30, description="its language, such as en or zh; null to detect it")


def transcribe_audio(context: Context, arguments: TranscribeAudio) -> Transcript:
    """Write down what is said in a recording, with times and language; spoken is false when nobody speaks."""
    audio = load_audio(context.resolve(arguments.audio), context.engines.limits)
    return context.engines.speech.transcribe(audio, arguments.language or None)


TOOL = Tool(TranscribeAudio, transcribe_audio, for_planner=False)
