"""Speech from words with espeak-ng, in a process of its own: a request as JSON on standard input, samples as output.

Run as a file, never imported: the library keeps state between sentences (which would make one note depend on the note
before it), is not thread-safe, and ends its process when its data are damaged. It comes with the `espeakng-loader`
wheel; the functions and numbers below are those of espeak-ng's `speak_lib.h`.

Standard input: {"text", "voice", "speed"}. Standard output: the sample rate as four bytes, then 16-bit mono samples,
both little-endian. Exit code 2 with one sentence on standard error where there is no such voice.
"""

import ctypes
import json
import sys
from pathlib import Path

import espeakng_loader

SYNCHRONOUS, DONT_EXIT = 2, 0x8000
RATE, CHARACTER_POSITION, UTF8 = 1, 1, 1
CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def main() -> None:
    """Speak what the request says."""
    request = json.load(sys.stdin)
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    data = espeakng_loader.get_data_path()
    rate = library.espeak_Initialize(SYNCHRONOUS, 0, data.encode(), DONT_EXIT)
    if rate <= 0:
        sys.exit("espeak-ng could not be started.")
    choose(library, request["voice"], Path(data))
    library.espeak_SetParameter(RATE, request["speed"], 0)
    samples = speak(library, request["text"])
    sys.stdout.buffer.write(rate.to_bytes(4, "little") + samples)


def choose(library: ctypes.CDLL, voice: str, data: Path) -> None:
    """Set the voice; the library takes an unknown variant (after the plus) without a word, so it is looked for."""
    variant = voice.partition("+")[2]
    unknown = variant and not (data / "voices" / "!v" / variant).is_file()
    if unknown or library.espeak_SetVoiceByName(voice.encode()) != 0:
        print(f"espeak-ng has no voice {voice!r}", file=sys.stderr)
        sys.exit(2)


def speak(library: ctypes.CDLL, text: str) -> bytes:
    """The sentence as 16-bit samples."""
    pieces: list[bytes] = []

    def take(wave: "ctypes._Pointer[ctypes.c_short]", count: int, _: object) -> int:
        if wave and count > 0:
            pieces.append(ctypes.string_at(wave, 2 * count))
        return 0

    callback = CALLBACK(take)  # kept in a name: the library calls it while it speaks
    library.espeak_SetSynthCallback(callback)
    encoded = text.encode()
    library.espeak_Synth(encoded, ctypes.c_size_t(len(encoded) + 1), 0, CHARACTER_POSITION, 0, UTF8, None, None)
    return b"".join(pieces)


if __name__ == "__main__":
    main()
