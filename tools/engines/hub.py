"""Model files of the Hugging Face hub: from its cache on this machine if they are there, else fetched once."""

from pathlib import Path

from tools.errors import ServiceMissing

REACH_SECONDS = 5.0
"""How long the hub may take to answer at all; its own client retries for half a minute on a machine without network."""


class NotInRepository(ServiceMissing):
    """The repository is there, the file is not."""


def hub_folder(repository: str, patterns: list[str], needed: str) -> Path:
    """The folder with a repository's files that match ``patterns``; the network is not asked when it is there.

    Args:
        needed: a file name or pattern that must be in the folder.

    Raises:
        NotInRepository: the repository has no ``needed``.
        ServiceMissing: not in the cache, and the hub cannot be reached or has no such repository.
    """
    cached = _cached(repository, patterns)
    if cached is not None and any(cached.glob(needed)):
        return cached
    _check_reachable(repository)
    folder = _fetch(repository, patterns)
    if not any(folder.glob(needed)):
        raise NotInRepository(f"The repository {repository} on the Hugging Face hub has no {needed}.")
    return folder


def _cached(repository: str, patterns: list[str]) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(repository, allow_patterns=patterns, local_files_only=True))
    except (LocalEntryNotFoundError, FileNotFoundError):
        return None
    except HFValidationError as exc:
        raise ServiceMissing(f"{repository!r} is not the name of a Hugging Face repository.") from exc


def _check_reachable(repository: str) -> None:
    import httpx
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        raise ServiceMissing(f"{repository} is not in the Hugging Face cache and HF_HUB_OFFLINE is set.")
    try:
        httpx.head(constants.ENDPOINT, timeout=REACH_SECONDS)
    except httpx.HTTPError as exc:
        raise ServiceMissing(
            f"{repository} is not in the Hugging Face cache and {constants.ENDPOINT} cannot be reached."
        ) from exc


def _fetch(repository: str, patterns: list[str]) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(repository, allow_patterns=patterns))
    except Exception as exc:  # HTTP, disk and hub errors have no common type
        reason = " ".join(str(exc).split())[:200]
        raise ServiceMissing(f"{repository} could not be fetched from the Hugging Face hub: {reason}") from exc
