"""Made sounds of a few instruments, tempi and pitches: has what sounds most alike the same instrument, and the tempo?

    python -m eval.research.sounds [--seed S] [--noise DB] [--clap FOLDER]

Each sound (`eval.suite.made_sounds`) is compared with all others that have another pitch, so that nothing is found by
its notes. Chance is the share of the right ones among those. ``other tempo``: only with sounds of another tempo;
``other instrument``: only with sounds of another instrument.
"""

import argparse
import time
from itertools import product

import numpy as np
from numpy.typing import NDArray

from eval.suite.made_sounds import INSTRUMENTS, RATE, MadeSound, play
from tools.calibration import SOUNDS_ALIKE, Pairs
from tools.engines.sounds import ClapSounds, LogMel, SoundEncoder
from tools.media import Audio

TEMPI = (60, 85, 120, 170)
PITCHES = (196, 262, 330, 440)

Labels = NDArray[np.str_]
Mask = NDArray[np.bool_]


def main(arguments: list[str] | None = None) -> None:
    """Make the sounds, compare each with the others, and print the shares."""
    parser = argparse.ArgumentParser(prog="python -m eval.research.sounds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--noise", type=float, default=20.0, help="decibels by which the noise lies below the sound")
    parser.add_argument("--clap", help="a CLAP checkpoint in place of the log-mel statistics")
    options = parser.parse_args(arguments)
    encoder: SoundEncoder = ClapSounds(options.clap) if options.clap else LogMel()
    rng = np.random.default_rng(options.seed)
    made = [MadeSound(*values) for values in product(INSTRUMENTS, TEMPI, PITCHES)]
    sounds = [play(sound, rng, noise=options.noise) for sound in made]
    began = time.process_time()
    rows = encoder.encode([_at(encoder.rate, samples) for samples in sounds])
    seconds = time.process_time() - began
    cosines = rows @ rows.T
    instruments, tempi, pitches = (np.array([str(getattr(sound, name)) for sound in made]) for name in FIELDS)
    other_pitch, other_tempo = _differ(pitches), _differ(tempi)
    for name, labels, among in (
        ("same instrument", instruments, other_pitch),
        ("same instrument, other tempo", instruments, other_pitch & other_tempo),
        ("same tempo", tempi, other_pitch),
        ("same tempo, other instrument", tempi, other_pitch & _differ(instruments)),
    ):
        right, chance = recall(cosines, labels, among)
        print(f"{name}: {right:.2f} of {len(made)} sounds, by chance {chance:.2f}")
    unlike = _differ(instruments) & other_tempo
    alike = ~_differ(instruments) & ~other_tempo & other_pitch
    z = np.vectorize(Pairs.of(rows).z)(cosines)
    print(
        f"alike (z of at least {SOUNDS_ALIKE:g}): {np.mean(z[unlike] >= SOUNDS_ALIKE):.3f} of pairs with another "
        f"instrument and tempo, {np.mean(z[alike] >= SOUNDS_ALIKE):.3f} of pairs with the same"
    )
    total = sum(len(samples) for samples in sounds) / RATE
    print(f"{1000 * seconds / total:.2f} ms of processor time a second of sound")


FIELDS = ("instrument", "tempo", "pitch")


def recall(cosines: NDArray[np.float32], labels: Labels, among: Mask) -> tuple[float, float]:
    """How often the nearest of those ``among`` which each is compared with has its label; and by chance."""
    same = labels[:, np.newaxis] == labels
    nearest = np.where(among, cosines, -2.0).argmax(axis=1)
    chance = (same & among).sum(axis=1) / among.sum(axis=1)
    return float(np.mean(labels[nearest] == labels)), float(chance.mean())


def _differ(labels: Labels) -> Mask:
    different: Mask = labels[:, np.newaxis] != labels
    return different


def _at(rate: int, samples: NDArray[np.float32]) -> Audio:
    if rate != RATE:
        from scipy.signal import resample_poly

        samples = resample_poly(samples, rate, RATE).astype(np.float32)
    return Audio(samples, len(samples) / rate)


if __name__ == "__main__":
    main()
