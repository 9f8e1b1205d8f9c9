"""load_audio: every recording comes out at 16 kHz mono, and none is decoded past the limit."""

import contextlib
import os
import struct
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.unit.tools.samples import RATE, cut, picture, record, tone
from tools.errors import MediaError
from tools.media import MediaLimits, load_audio

ENCODINGS = [
    ("wav", "pcm_s16le", 8_000, False),
    ("wav", "pcm_s24le", 44_100, True),
    ("wav", "pcm_f32le", 96_000, True),
    ("flac", "flac", 96_000, True),
    ("ogg", "libopus", 48_000, False),
    ("webm", "libopus", 48_000, True),
    ("mp3", "libmp3lame", 44_100, True),
    ("m4a", "aac", 44_100, True),
    ("mp4", "aac", 22_050, False),
    ("amr", "libopencore_amrnb", 8_000, False),
]


@pytest.mark.parametrize(("suffix", "codec", "rate", "stereo"), ENCODINGS)
def test_every_encoding_becomes_16_khz_mono(tmp_path: Path, suffix: str, codec: str, rate: int, stereo: bool) -> None:
    path = record(tmp_path / f"r.{suffix}", codec=codec, rate=rate, stereo=stereo).rename(
        tmp_path / "named-wrongly.txt"
    )
    if codec == "libopencore_amrnb":
        path = path.rename(tmp_path / "note.amr")
    audio = load_audio(path)
    assert audio.samples.dtype == np.float32
    assert audio.samples.ndim == 1
    assert audio.seconds == pytest.approx(2.0, abs=0.12)
    assert len(audio.samples) == round(audio.seconds * RATE)
    middle = audio.samples[RATE // 2 : RATE * 3 // 2]
    assert np.abs(middle).max() == pytest.approx(1 / 3, abs=0.1)
    strongest = np.abs(np.fft.rfft(middle)).argmax()  # one second: bins are hertz
    assert strongest == pytest.approx(440, abs=3)


def test_the_channels_are_mixed_without_clipping(tmp_path: Path) -> None:
    loud = np.stack([np.full(RATE, 0.9), np.full(RATE, 0.9)], axis=1)
    soundfile.write(path := tmp_path / "loud.wav", loud, RATE)
    assert np.abs(load_audio(path).samples).max() == pytest.approx(0.9, abs=0.01)


def test_the_sound_of_a_video_is_read(tmp_path: Path) -> None:
    import av

    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=10)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=RATE, layout="mono")
        for _ in range(30):
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        piece = av.AudioFrame.from_ndarray((tone(1) * 32767).astype(np.int16).reshape(1, -1), "s16", "mono")
        piece.sample_rate = RATE
        container.mux(sound.encode(piece))
    assert load_audio(path).seconds == pytest.approx(1.0, abs=0.05)


def test_a_recording_without_a_stated_length_is_read(tmp_path: Path) -> None:
    path = record(tmp_path / "browser.webm", 3, codec="libopus", rate=48_000, live=True)
    assert load_audio(path).seconds == pytest.approx(3.0, abs=0.1)


def test_a_wav_written_to_a_pipe_is_read(tmp_path: Path) -> None:
    content = bytearray(record(tmp_path / "r.wav").read_bytes())
    struct.pack_into("<I", content, 4, 0xFFFFFFFF)
    offset = content.index(b"data") + 4
    struct.pack_into("<I", content, offset, 0xFFFFFFFF)
    (path := tmp_path / "piped.wav").write_bytes(content)
    assert load_audio(path).seconds == pytest.approx(2.0, abs=0.05)


def test_a_length_stated_over_the_limit_is_refused_at_once(tmp_path: Path) -> None:
    """Three hours in 80 kB: a FLAC header states them, and decoding would take seconds."""
    content = bytearray(record(tmp_path / "r.flac", codec="flac").read_bytes())
    samples = 3 * 3600 * RATE  # the header's 36-bit count of samples
    content[21] = (content[21] & 0xF0) | (samples >> 32)
    struct.pack_into(">I", content, 22, samples & 0xFFFFFFFF)
    (path := tmp_path / "long.flac").write_bytes(content)
    with pytest.raises(MediaError, match=r"long\.flac lasts 180 minutes; at most 10 minutes are accepted"):
        load_audio(path)


def test_three_hours_without_a_header_are_refused_while_decoding(tmp_path: Path) -> None:
    minute = record(tmp_path / "m.mp3", 60, codec="libmp3lame", rate=8_000).read_bytes()
    (path := tmp_path / "long.mp3").write_bytes(minute * 180)
    load_audio(tmp_path / "m.mp3")
    began = time.perf_counter()
    tracemalloc.start()
    with pytest.raises(MediaError, match="at most 10 minutes are accepted"):
        load_audio(path)
    assert tracemalloc.get_traced_memory()[1] < 600 * RATE * 4 * 2
    tracemalloc.stop()
    assert time.perf_counter() - began < 10


def test_decoding_stops_at_the_limit(tmp_path: Path) -> None:
    path = record(tmp_path / "live.webm", 30, codec="libopus", rate=48_000, live=True)
    with pytest.raises(MediaError, match=r"live\.webm lasts longer; at most 0.1 minutes"):
        load_audio(path, MediaLimits(audio_seconds=6))
    assert load_audio(path, MediaLimits(audio_seconds=31)).seconds == pytest.approx(30, abs=0.2)


@pytest.mark.parametrize(("suffix", "codec"), [("wav", "pcm_s16le"), ("flac", "flac"), ("m4a", "aac")])
def test_a_recording_cut_short_is_refused(tmp_path: Path, suffix: str, codec: str) -> None:
    whole = record(tmp_path / f"w.{suffix}", 5, codec=codec, rate=44_100)
    with pytest.raises(MediaError, match="cut short"):
        load_audio(cut(whole, tmp_path / f"half.{suffix}"))


def test_a_damaged_packet_is_passed_over(tmp_path: Path) -> None:
    content = bytearray(record(tmp_path / "r.mp3", 5, codec="libmp3lame", rate=44_100).read_bytes())
    middle = len(content) // 2
    content[middle : middle + 600] = bytes(600)
    (path := tmp_path / "scratched.mp3").write_bytes(content)
    assert load_audio(path).seconds == pytest.approx(5, abs=0.3)


def write(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "bad is empty"),
        ("words, words\n" * 50, "bad is a text file, not a recording"),
        ("#EXTM3U\n#EXTINF:5,\nother.mp3\n#EXT-X-ENDLIST\n", "is a text file, not a recording"),
        ("ffconcat version 1.0\nfile other.wav\n", "is a text file, not a recording"),
        ("v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n", "is a text file, not a recording"),
        (b"%PDF-1.7 " + bytes(500), "is a PDF document, not a recording"),
        (bytes(range(0, 256, 3)) * 50, "is not a recording that can be read; send a WAV, MP3"),
        (b"OggS" + bytes(300), "is an Ogg recording that is damaged or cut short"),
        (b"RIFF\x24\x00\x00\x00WAVE", "is a WAV recording that is damaged or cut short"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, content: bytes | str, sentence: str) -> None:
    record(tmp_path / "other.wav")
    with pytest.raises(MediaError, match=sentence) as caught:
        load_audio(write(tmp_path / "bad", content))
    assert "\n" not in str(caught.value)


def test_places_that_are_no_files_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, sentence in [
        (tmp_path, "is a folder"),
        (tmp_path / "gone.wav", "There is no file"),
        (tmp_path / "pipe", "is a device or a pipe"),
    ]:
        with pytest.raises(MediaError, match=sentence):
            load_audio(path)


def test_a_picture_is_no_recording(tmp_path: Path) -> None:
    for suffix in ("jpg", "png", "gif", "webp"):
        picture().save(path := tmp_path / f"p.{suffix}")
        with pytest.raises(MediaError, match="picture, not a recording"):
            load_audio(path)


def test_a_video_without_sound_is_refused(tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "mute.mkv"), "w") as container:
        video = container.add_stream("mpeg4", rate=10)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        container.mux(video.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")))
        container.mux(video.encode(None))
    with pytest.raises(MediaError, match=r"mute.mkv holds no sound"):
        load_audio(tmp_path / "mute.mkv")


def test_a_recording_over_the_byte_limit_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="at most 1,000 bytes are accepted"):
        load_audio(record(tmp_path / "r.wav"), MediaLimits(audio_bytes=1_000))


def test_nothing_goes_to_standard_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    whole = record(tmp_path / "r.mp3", 3, codec="libmp3lame", rate=44_100)
    content = bytearray(whole.read_bytes())
    content[len(content) // 3 : len(content) // 2] = os.urandom(len(content) // 2 - len(content) // 3)
    with contextlib.suppress(MediaError):
        load_audio(write(tmp_path / "noisy.mp3", bytes(content)))
    assert capfd.readouterr() == ("", "")
