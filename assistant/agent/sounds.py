"""Recordings of the user that are searched by as sounds, and not as what is said in them."""

import re
from collections.abc import Sequence
from typing import Final

from assistant.records import Attachment, Transcription
from tools.store.catalogue import Catalogue

_SOUNDS_LIKE: Final = re.compile(
    r"\bsound(s|ing)?\s+(just\s+|a\s+lot\s+|exactly\s+)?(like|similar)\b"
    r"|\b(same|similar|like\s+this)\s+(sound|music|song|tune|beat|rhythm)"
    r"|\bkling(t|en)\b.{0,20}\b(wie|ähnlich)|\bhör(t|en)\s+sich\b.{0,20}\b(wie|ähnlich)"
    r"|\b(gleiche|selbe|ähnliche)\w*\s+(klang|musik|sound|lied|rhythm)"
    r"|\bsuena\w*\s+(como|igual|parecid)|\b(mismo|misma|similar|parecid[oa])\s+(sonido|música|ritmo)|\b(música|sonido)\s+parecid"
    r"|\bsonn(e|ent|ant)\s+comme\b|\b(même|mêmes)\s+(son|musique|rythme)|\b(musique|son)\s+(semblable|similaire|pareil)"
    r"|听起来|聽起來|类似的?(声音|音乐|歌)|同样的?(声音|音乐|节奏)|像这(个声音|段音乐|首歌)",
    re.IGNORECASE,
)
"""What says, beside a recording, that its sound is meant: in the five languages of the interface."""


def sounds_to_search_by(
    text: str, attachments: Sequence[Attachment], heard: Sequence[Transcription], catalogue: Catalogue
) -> list[str]:
    """The recordings in which nobody speaks, or all of them where the typed words ask for what sounds like them.

    Silent ones are left out. Without sounds in the catalogue there are none.

    Raises:
        StoreError: the catalogue cannot be read.
    """
    silent = {one.attachment for one in heard if one.transcript.silent}
    recordings = [one.id for one in attachments if one.kind == "audio" and one.id not in silent]
    if not (_SOUNDS_LIKE.search(text[:1_000]) if text else None):
        unspoken = {one.attachment for one in heard if not one.transcript.spoken}
        recordings = [recording for recording in recordings if recording in unspoken]
    return recordings if recordings and catalogue.count_in("sound") else []
