"""Pictures and recordings as browsers and phones really send them, and files that only pretend to be such."""

import base64
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest
import soundfile
from PIL import Image

from tests.integration.service.conftest import Running, problem

pytestmark = pytest.mark.models

VOICE = Path(__file__).parents[2] / "data" / "voice-en.flac"
PHONE = VOICE.with_name("phone.heic")
JSON = {"Accept": "application/json"}


def recorded(container: str, codec: str, rate: int) -> bytes:
    """The voice note in another container and codec."""
    samples, own_rate = soundfile.read(VOICE, dtype="float32")
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="mono")
    frame.sample_rate = own_rate
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        stream: Any = file.add_stream(codec, rate=rate, layout="mono")
        resampler = av.AudioResampler(
            format=stream.format, layout="mono", rate=rate, frame_size=stream.frame_size or 1024
        )
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return out.getvalue()


def drawn(form: str) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(out, form)
    return out.getvalue()


def send(service: Running, field: str, name: str, content: bytes) -> httpx.Response:
    """A message with one file and some words."""
    path = f"/api/sessions/{service.session()}/messages"
    return service.client.post(path, files={field: (name, content)}, data={"text": "a lamp"}, headers=JSON)


@pytest.mark.parametrize(
    ("name", "container", "codec", "rate"),
    [
        ("voice.webm", "webm", "libopus", 48_000),  # Chromium, Firefox
        ("voice.ogg", "ogg", "libopus", 48_000),
        ("voice.m4a", "mp4", "aac", 44_100),  # Safari, phones
        ("voice.mp3", "mp3", "libmp3lame", 44_100),
        ("voice.wav", "wav", "pcm_s16le", 16_000),
    ],
)
def test_a_voice_note_of_any_browser_is_heard(
    service: Running, name: str, container: str, codec: str, rate: int
) -> None:
    answer = send(service, "audio", name, recorded(container, codec, rate))
    assert answer.status_code == 200, answer.text
    heard = answer.json()["query"]["transcripts"]
    assert len(heard[0]["text"].split()) > 3
    assert heard[0]["language"] == "en"


@pytest.mark.parametrize("form", ["WEBP", "AVIF", "PNG", "JPEG", "GIF", "TIFF", "BMP"])
def test_a_picture_of_any_usual_kind_is_seen(service: Running, form: str) -> None:
    answer = send(service, "images", "picture", drawn(form))
    assert answer.status_code == 200, answer.text
    assert answer.json()["query"]["pictures"][0]["labels"]


def test_a_phone_s_photo_is_seen_and_shown_to_every_browser(service: Running) -> None:
    answer = send(service, "images", "IMG_0001.HEIC", PHONE.read_bytes())
    assert answer.status_code == 200, answer.text
    (attachment,) = answer.json()["query"]["attachments"]
    shown = service.client.get(f"/api/sessions/{answer.json()['session_id']}/attachments/{attachment['id']}")
    assert shown.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(shown.content)).size == (60, 90)


def bomb() -> bytes:
    """A small PNG that says it has 900 million pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(4_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("field", "name", "content", "said"),
    [
        ("images", "bomb.png", bomb(), "bomb.png"),
        ("images", "zip.png", b"PK\x03\x04" + bytes(1000), "ZIP"),
        ("images", "drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        ("images", "photo.heic", b"\x00\x00\x00\x18ftypheic" + bytes(1000), "HEIC picture that is damaged"),
        ("images", "page.html", b"<script>alert(1)</script>", "page.html"),
        ("images", "song.png", recorded("wav", "pcm_s16le", 16_000), "song.png"),
        ("audio", "photo.mp3", drawn("JPEG"), "photo.mp3"),
        ("audio", "list.m3u8", b"#EXTM3U\nhttp://127.0.0.1/secret\n", "list.m3u8"),
        ("audio", "empty.webm", b"", "empty.webm"),
        ("audio", "cut.webm", recorded("webm", "libopus", 48_000)[:60], "cut.webm"),
        ("images", "雪\u202eجpg.\r\nX-Evil: 1", b"x", "a text file"),
    ],
)
def test_what_only_pretends_is_refused_in_one_sentence(
    service: Running, field: str, name: str, content: bytes, said: str
) -> None:
    answer = send(service, field, name, content)
    assert said in problem(answer, 422)
    assert "x-evil" not in answer.headers


def test_silence_is_said_and_not_made_up(service: Running) -> None:
    out = io.BytesIO()
    soundfile.write(out, np.zeros(32_000, dtype="float32"), 16_000, format="WAV")
    reply = send(service, "audio", "silence.wav", out.getvalue()).json()
    assert any("No speech" in note for note in reply["degraded"])


@pytest.mark.parametrize(
    ("language", "reply"),
    [("de", "de"), ("de-AT", "de"), ("zh_Hans", "zh"), ("", "en"), ("tlh", "en")],
)
def test_a_picture_without_words_is_answered_in_the_language_of_the_interface(
    service: Running, language: str, reply: str
) -> None:
    session, other = service.session(), service.session()
    body = {"images": [{"name": "a.png", "data": base64.b64encode(drawn("PNG")).decode()}], "language": language}
    answer = service.say(session, **body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["language"] == reply
    # words count more than the interface
    assert service.say(other, "I am looking for a lamp for my desk", language=language).json()["language"] == "en"


def test_a_language_that_is_none_is_refused(service: Running) -> None:
    assert "language" in problem(service.say(service.session(), "a lamp", language="../x"), 422)
