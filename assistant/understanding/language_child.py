"""The process that tells languages apart: loading lingua's models takes a second and more, with Python's lock held.

Run as ``python language_child.py NAME ...`` with lingua's names of the languages. For each line of standard input, a
JSON string, it writes one line: the likeliest language's ISO 639-1 code and how sure that is.
"""

import json
import sys


def main(names: list[str]) -> None:
    """Answer until standard input ends."""
    from lingua import Language, LanguageDetectorBuilder

    detector = LanguageDetectorBuilder.from_languages(*(getattr(Language, name) for name in names)).build()
    for line in sys.stdin:
        best = detector.compute_language_confidence_values(json.loads(line))[0]
        print(best.language.iso_code_639_1.name.lower(), best.value, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
