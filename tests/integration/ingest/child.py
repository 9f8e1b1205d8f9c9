"""An ingestion to be ended from outside: ``python -m tests.integration.ingest.child FILE``.

The encoders are slow enough that there is something to interrupt.
"""

import sys

from assistant.cli import catalogue as command
from assistant.cli import main
from assistant.ingest import Encoders, pipeline
from tests.fakes.encoders import HashPictures, HashText

if __name__ == "__main__":
    pipeline.BATCH_LINES = 16
    pipeline.FIRST_FOLLOW = pipeline.FOLLOW_AFTER = 60
    command._encoders = lambda _: Encoders(HashText(seconds=0.01), HashPictures(seconds=0.01))
    sys.argv = ["assistant", "ingest", "--json", *sys.argv[1:]]
    main()
