"""Sound encoders: what is alike, what is silent, and any length of sound."""

from pathlib import Path

import numpy as np
import pytest

from eval.research.sounds import recall
from eval.suite.made_sounds import INSTRUMENTS, RATE, MadeSound, Samples, encoded, play
from tools.engines.sounds import ClapSounds, LogMel, is_silent
from tools.errors import MediaError, ServiceMissing
from tools.media import Audio, MediaLimits
from tools.video import load_sound

RNG = np.random.default_rng


def audio(samples: Samples, rate: int = RATE) -> Audio:
    return Audio(samples.astype(np.float32), len(samples) / rate)


def test_instruments_and_tempi_are_told_apart_whatever_the_pitch() -> None:
    made = [MadeSound(name, tempo, pitch) for name in INSTRUMENTS for tempo in (70, 130) for pitch in (220, 330)]
    rows = LogMel().encode([audio(play(sound, RNG(n))) for n, sound in enumerate(made)])
    assert rows.shape == (len(made), LogMel.identity.dimensions)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1)
    pitches = np.array([sound.pitch for sound in made])
    other_pitch = pitches[:, np.newaxis] != pitches
    for labels in (np.array([sound.instrument for sound in made]), np.array([str(sound.tempo) for sound in made])):
        right, chance = recall(rows @ rows.T, labels, other_pitch)
        assert right > chance + 0.4


def test_loudness_does_not_count() -> None:
    sound = play(MadeSound("organ", 90, 262), RNG(1))
    loud, quiet = LogMel().encode([audio(sound), audio(sound / 50)])
    assert loud @ quiet > 0.999


@pytest.mark.parametrize("count", [1, 100, 1023, 5000, 400_000])
@pytest.mark.parametrize("kind", ["noise", "constant", "click"])
def test_a_sound_of_any_length_has_a_vector(count: int, kind: str) -> None:
    samples = {
        "noise": RNG(1).normal(size=count) / 4, "constant": np.full(count, 0.5), "click": np.eye(1, count)[0],
    }[kind]  # fmt: skip
    [row] = LogMel().encode([audio(samples)])
    assert np.isfinite(row).all()
    assert np.linalg.norm(row) == pytest.approx(1, abs=1e-4)


def test_no_sounds_have_no_rows() -> None:
    assert LogMel().encode([]).shape == (0, LogMel.identity.dimensions)


def test_silence_is_told_from_quiet_sound() -> None:
    assert is_silent(audio(np.zeros(100)))
    assert is_silent(audio(np.full(100, 1 / 32768)))
    assert is_silent(audio(np.zeros(0)))
    assert not is_silent(audio(0.01 * np.sin(np.arange(1000))))


@pytest.mark.parametrize("of", ["recording", "video"])
def test_the_sound_of_a_file_is_cut_at_the_limit(tmp_path: Path, of: str) -> None:
    (path := tmp_path / "a.bin").write_bytes(
        encoded(play(MadeSound("flute", 90, 300), RNG(1)), "ogg", "libopus", 48_000)
    )
    sound = load_sound(path, MediaLimits(audio_seconds=2), of=of)  # type: ignore[arg-type]
    assert sound is not None
    assert (len(sound.samples), sound.seconds) == (2 * RATE, 2.0)
    wide = load_sound(path, MediaLimits(audio_seconds=2), of="recording", rate=48_000)
    assert wide is not None
    assert (len(wide.samples), wide.seconds) == (96_000, 2.0)
    with pytest.raises(MediaError, match=r"a\.bin has .*; at most 9 bytes are accepted"):
        load_sound(path, MediaLimits(audio_bytes=9, video_bytes=9), of=of)  # type: ignore[arg-type]


def test_a_clap_checkpoint_is_used_in_the_same_way(tmp_path: Path) -> None:
    from transformers import ClapConfig, ClapFeatureExtractor, ClapModel

    text = {"vocab_size": 100, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    layers = {"depths": [1, 1], "num_attention_heads": [1, 2], "num_hidden_layers": 2, "patch_embeds_hidden_size": 8}
    config = ClapConfig(
        text_config={**text, "intermediate_size": 32},
        audio_config={**layers, "hidden_size": 16, "enable_fusion": False},
        projection_dim=16,
    )
    ClapModel(config).save_pretrained(tmp_path)
    ClapFeatureExtractor().save_pretrained(tmp_path)
    encoder = ClapSounds(str(tmp_path))
    assert encoder.rate == 48_000
    noise = RNG(1).normal(size=25 * 48_000) / 4  # three windows
    rows = encoder.encode([audio(noise, 48_000), audio(noise[: 10 * 48_000], 48_000)])
    assert rows.shape == (2, encoder.identity.dimensions) == (2, 16)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-4)
    assert encoder.encode([audio(noise, 48_000)])[0] == pytest.approx(rows[0], abs=1e-4)


def test_a_clap_checkpoint_that_is_not_here_is_said() -> None:
    with pytest.raises(ServiceMissing, match="is not on this machine"):
        ClapSounds("nobody/nothing").load()
