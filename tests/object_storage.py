"""A real S3 server for tests, rclone's, over a folder: a bucket is a folder there, an object a file."""

import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.server_process import ServerProcess

BUCKETS = 200
SECRET = "sesame-and-lilies"


@dataclass
class S3Server(ServerProcess):
    """One server on a port of this machine; what it holds outlasts that it is stopped."""

    numbers: Iterator[int] = field(default_factory=lambda: iter(range(BUCKETS)))

    def command(self) -> list[str | Path]:
        program = Path(sysconfig.get_path("scripts")) / "rclone"
        address, keys = f"127.0.0.1:{self.port}", f"shop,{SECRET}"
        return [program, "serve", "s3", "--addr", address, "--auth-key", keys, self.folder]

    def start(self) -> None:
        # The program keeps what it knows of a folder: buckets are made before, and a test writes into one only first.
        for number in range(BUCKETS):
            (self.folder / f"shop-{number}").mkdir(exist_ok=True)
        super().start()

    def restart(self) -> None:
        if not self.process:
            self.start()

    def bucket(self) -> "Bucket":
        """A new and empty one; the environment has what it is opened with."""
        name = f"shop-{next(self.numbers)}"
        return Bucket(f"s3://{name}/assistant", self.folder / name / "assistant")


@dataclass(frozen=True)
class Bucket:
    """Object storage by its URL, and the folder in which a test can see what it holds."""

    url: str
    folder: Path

    def held(self) -> dict[str, bytes]:
        """Every object, by its name below the URL."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A running server, the same for all tests of this process: fsspec keeps what it has opened."""
    server = S3Server(tmp_path_factory.mktemp("s3"))
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.port}")
        patch.setenv("AWS_REGION", "us-east-1")
        patch.setenv("AWS_ACCESS_KEY_ID", "shop")
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        yield server
    server.stop()


@pytest.fixture
def s3(s3_server: S3Server) -> Iterator[S3Server]:
    """The server, for a test that may stop it."""
    s3_server.restart()
    yield s3_server
    s3_server.restart()


@pytest.fixture(params=["folder", "s3"])
def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> Bucket:
    """Object storage: a folder by its URL, and a bucket of a real S3 server."""
    if request.param == "s3":
        return request.getfixturevalue("s3").bucket()
    return Bucket((tmp_path / "objects").as_uri(), tmp_path / "objects")
