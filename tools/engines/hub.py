"""Model files of the Hugging Face hub: found in its cache on this machine, or fetched into it when asked to."""

from pathlib import Path

from tools.errors import ServiceMissing

REACH_SECONDS = 5.0
"""How long the hub may take to answer at all; its own client retries for half a minute on a machine without network."""


class NotInRepository(ServiceMissing):
    """The repository is there, the file is not."""


def cached_folder(repository: str, patterns: list[str], needed: str) -> Path:
    """The folder with a repository's files that match ``patterns``; the network is never asked.

    Args:
        needed: the name of a file that must be in the folder.

    Raises:
        NotInRepository: the folder is here without ``needed``.
        ServiceMissing: it is not here.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(repository, allow_patterns=patterns, local_files_only=True))
    except (LocalEntryNotFoundError, FileNotFoundError) as exc:
        raise ServiceMissing(f"The model {repository} is not on this machine.") from exc
    except HFValidationError as exc:
        raise ServiceMissing(f"{repository!r} is not the name of a Hugging Face repository.") from exc
    return _holding(needed, folder, f"The model {repository} is on this machine without its file {needed}.")


def fetched_folder(repository: str, patterns: list[str], needed: str) -> Path:
    """The same, fetched from the hub where the cache lacks it.

    Raises:
        NotInRepository: the repository has no ``needed``.
        ServiceMissing: the hub cannot be reached or has no such repository.
    """
    from huggingface_hub import snapshot_download

    try:
        return cached_folder(repository, patterns, needed)
    except ServiceMissing:
        _check_reachable(repository)
    try:
        folder = Path(snapshot_download(repository, allow_patterns=patterns))
    except Exception as exc:  # HTTP, disk and hub errors have no common type
        reason = " ".join(str(exc).split())[:200]
        raise ServiceMissing(f"{repository} could not be fetched from the Hugging Face hub: {reason}") from exc
    return _holding(needed, folder, f"The repository {repository} on the Hugging Face hub has no {needed}.")


def _holding(needed: str, folder: Path, otherwise: str) -> Path:
    if not (folder / needed).is_file():
        raise NotInRepository(otherwise)
    return folder


def _check_reachable(repository: str) -> None:
    import httpx
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        raise ServiceMissing(f"The model {repository} is not on this machine, and HF_HUB_OFFLINE is set.")
    try:
        httpx.head(constants.ENDPOINT, timeout=REACH_SECONDS)
    except httpx.HTTPError as exc:
        raise ServiceMissing(
            f"The model {repository} is not on this machine, and {constants.ENDPOINT} cannot be reached."
        ) from exc
