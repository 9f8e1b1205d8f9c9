"""An ingestion with media to be ended from outside: ``python -m tests.integration.ingest.media_child FILE``.

Videos and recordings are decoded as ever, the encoders draw vectors by hash, and every recording says the same.
"""

import sys
from dataclasses import replace

from assistant.cli import catalogue as command
from assistant.cli import main
from assistant.ingest import Encoders
from assistant.ingest.speech import Listener
from tests.fakes.encoders import HashPictures, HashText
from tests.integration.ingest.test_speech_in_items import ScriptedWhisper
from tools.engines.sounds import LogMel

if __name__ == "__main__":
    options = command._options
    speech = Listener("scripted", ScriptedWhisper("a lantern of brass"))
    command._options = lambda *given, **named: replace(options(*given, **named), speech=speech)
    command._encoders = lambda _: Encoders(HashText(), HashPictures(seconds=0.05), LogMel())
    sys.argv = ["assistant", "ingest", "--json", *sys.argv[1:]]
    main()
