"""The process that tells languages apart: loading lingua's models takes a second and more, with Python's lock held.

Run as ``python language_child.py NAME ...`` with lingua's names of the languages. For each line of standard input, a
JSON string, it writes one line: a JSON object of the languages' ISO 639-1 codes and how sure each is.
"""

import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lingua import LanguageDetector


def confidences(detector: "LanguageDetector", text: str) -> dict[str, float]:
    """How sure each language is, from 0 to 1; the likeliest first."""
    values = detector.compute_language_confidence_values(text)
    return {value.language.iso_code_639_1.name.lower(): value.value for value in values}


def main(names: list[str]) -> None:
    """Answer until standard input ends."""
    from lingua import Language, LanguageDetectorBuilder

    detector = LanguageDetectorBuilder.from_languages(*(getattr(Language, name) for name in names)).build()
    for line in sys.stdin:
        print(json.dumps(confidences(detector, json.loads(line))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
