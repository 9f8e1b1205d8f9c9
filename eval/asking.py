"""Putting scripted questions to the assistant: attachments made from the sample, conversations kept together."""

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.demo import voice_note
from assistant.errors import ServiceMissing
from assistant.front import Assistant
from assistant.records import Reply
from assistant.settings import Settings
from eval.questions import Answer, Question

VOICES = Path(__file__).parent / "data" / "voice"
DEMO_VOICE = "voice-budget.flac"
_CROP = 0.08


@dataclass(frozen=True)
class Asked:
    """A question, the attachments it was asked with, and what came back."""

    question: Question
    answer: Answer
    reply: Reply


def sample_folder(settings: Settings) -> Path:
    """Where the sample catalogue lies.

    Raises:
        ServiceMissing: it has not been fetched.
    """
    folder = settings.home.expanduser().absolute() / "sample"
    if not (folder / "products.jsonl").is_file():
        raise ServiceMissing("The sample catalogue is not here; fetch it with: assistant sample fetch")
    return folder


def photo(settings: Settings, name: str, folder: Path) -> Path:
    """A user's photo: the sample picture of that name, mirrored and cropped, so that it is not the same picture.

    Raises:
        ServiceMissing: the sample catalogue, or that picture of it, is not there.
    """
    from PIL import Image, ImageOps

    source = next(sample_folder(settings).rglob(name), None)
    if source is None:
        raise ServiceMissing(f"The sample catalogue has no picture {name}.")
    target = folder / f"photo-{name}"
    with Image.open(source) as opened:
        picture = ImageOps.mirror(opened.convert("RGB"))
    width, height = picture.size
    box = (int(width * _CROP), int(height * _CROP), int(width * (1 - _CROP)), int(height * (1 - _CROP)))
    picture.crop(box).save(target, quality=88)
    return target


def voice(name: str, folder: Path) -> Path:
    """A recording by its name; the demonstration's own lies with the product."""
    return voice_note(folder) if name == DEMO_VOICE else VOICES / name


def attachments(question: Question, settings: Settings, folder: Path) -> tuple[list[Path], list[Path]]:
    """The question's pictures and recordings, as files."""
    folder.mkdir(parents=True, exist_ok=True)
    images = [photo(settings, question.photo_of, folder)] if question.photo_of else []
    return images, [voice(question.voice, folder)] if question.voice else []


async def ask(assistant: Assistant, questions: Sequence[Question], folder: Path) -> AsyncIterator[Asked]:
    """Ask the questions in order, each as soon as the one before is answered; follow-ups go on in their session."""
    sessions: dict[str, str] = {}
    for question in questions:
        images, audio = attachments(question, assistant.settings, folder)
        session = sessions.get(question.after or "")
        began = time.perf_counter()
        reply = await assistant.reply(question.text, images=images, audio=audio, session_id=session)
        sessions[question.id] = reply.session_id
        yield Asked(question, as_answer(reply, time.perf_counter() - began), reply)


def as_answer(reply: Reply, seconds: float) -> Answer:
    """What is scored of a reply."""
    return Answer(
        intent=reply.intent,
        items=[item.item_id for item in reply.recommendations],
        constraints=reply.constraints,
        relaxed=[change.field for change in reply.relaxed],
        seconds=round(seconds, 2),
    )
