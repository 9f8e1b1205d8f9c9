from pathlib import Path

import pytest

from assistant.agent.receive import check_request, take_attachments
from assistant.agent.state import Request
from assistant.errors import BadInput
from assistant.records import Memory
from assistant.settings import Limits
from tools.errors import MediaError
from tools.objects import SharedFiles

LIMITS = Limits()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "my photo.jpg"
    path.write_bytes(b"bytes")
    return path


@pytest.mark.parametrize("text", ["", "   ", "\n\t "])
def test_an_empty_message_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="empty"):
        check_request(Request(session_id="s", text=text), LIMITS)


def test_a_message_beyond_the_limit_is_refused_with_both_numbers() -> None:
    with pytest.raises(BadInput, match=r"100,000 characters; at most 8,000"):
        check_request(Request(session_id="s", text="x" * 100_000), LIMITS)


def test_unusable_files_are_refused(tmp_path: Path, picture: Path) -> None:
    empty = tmp_path / "empty.png"
    empty.touch()
    for path, reason in ((tmp_path / "no.png", "does not exist"), (tmp_path, "not a file"), (empty, "is empty")):
        with pytest.raises(MediaError, match=reason):
            check_request(Request(session_id="s", images=[path]), LIMITS)
    with pytest.raises(MediaError, match="at most"):
        check_request(Request(session_id="s", images=[picture]), LIMITS.model_copy(update={"image_bytes": 2}))
    with pytest.raises(BadInput, match="at most 8 attachments"):
        check_request(Request(session_id="s", images=[picture] * 9), LIMITS)


def test_attachments_are_copied_under_opaque_names_and_counted_over_the_session(tmp_path: Path, picture: Path) -> None:
    folder = tmp_path / "uploads"
    files, request = SharedFiles(tmp_path), Request(session_id="s", images=[picture], audio=[picture])
    first = take_attachments(request, Memory(), folder, files)
    assert [a.id for a in first] == ["img1", "aud1"]
    memory = Memory(attachments={a.id: a for a in first})
    second = take_attachments(Request(session_id="s", images=[picture]), memory, folder, files)
    assert [a.id for a in second] == ["img2"]
    for attachment in [*first, *second]:
        stored = Path(attachment.path)
        assert stored.parent == folder
        assert stored.read_bytes() == b"bytes"
        assert "photo" not in stored.name
