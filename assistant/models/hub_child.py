"""The process that talks to the Hugging Face hub.

Run as `python -m assistant.models.hub_child REPOSITORY REVISION FOLDER FILE...`.

On failure it prints one JSON object with the reason and ends with exit code 1.
"""

import errno
import json
import sys
from pathlib import Path

REACH_SECONDS = 10.0


def main(arguments: list[str]) -> int:
    """Download the named files of one revision into a folder."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    repository, revision, folder, *names = arguments
    try:
        _check_reachable(repository, revision)
        for name in names:
            hf_hub_download(repository, name, revision=revision, local_dir=Path(folder))
    except OfflineModeIsEnabled:
        return _fail("HF_HUB_OFFLINE is set")
    except (RepositoryNotFoundError, RevisionNotFoundError):
        return _fail("the repository or the revision is not there")
    except EntryNotFoundError:
        return _fail("a file is not there, or the hub cannot be reached")
    except OSError as exc:
        return _fail("full" if exc.errno == errno.ENOSPC else "it cannot be reached")
    except Exception as exc:  # the border of the library, which lets errors of its HTTP client through
        return _fail(f"it cannot be reached ({type(exc).__name__})")
    return 0


def _check_reachable(repository: str, revision: str) -> None:
    """One small request with a short time-out, before the library's own patient retries."""
    from huggingface_hub import HfApi

    HfApi().model_info(repository, revision=revision, timeout=REACH_SECONDS)


def _fail(reason: str) -> int:
    print(json.dumps({"error": reason}), flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
