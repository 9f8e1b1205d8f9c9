"""Ingestion with Ray: the same catalogue as without, ended at any point, and nothing of Ray is left behind or seen."""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from assistant.errors import BadInput, ServiceMissing
from assistant.ingest import Encoders, IngestOptions, IngestSummary, Rejection, ingest
from assistant.ingest.ray_engine import FOLDER, RayEmbedding, RayOptions, connected
from tests.fakes.catalogues import lines, picture, write
from tests.fakes.encoders import HashPictures, HashText
from tests.integration.ingest.conftest import assert_searchable, contents
from tests.integration.ingest.test_endings import finish, items_in, start, wait_for
from tools.engines.sounds import LogMel
from tools.store import Catalogue

COUNT = 200


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a small cluster, to which this process is connected."""
    RayEmbedding(encoders, encoders())  # sets Ray's environment
    import ray

    with connected(ray, RayOptions(workers=2)):
        yield ray.get_runtime_context().gcs_address


def encoders() -> Encoders:
    return Encoders(HashText(), HashPictures(own_text_space=True), LogMel())


def run(
    data: Path,
    feed: Path,
    address: str | None,
    **options: Any,  # noqa: ANN401 - the options' own types
) -> tuple[dict[str, Any], IngestSummary, list[Rejection]]:
    """What is then in the catalogue, and what was said; by Ray if there is an address."""
    rejections: list[Rejection] = []
    # with an address files are sent along, as to other machines
    embedding = RayEmbedding(encoders, encoders(), RayOptions(address, workers=2)) if address else None
    with Catalogue.open(data) as catalogue:
        summary = ingest(
            catalogue, [feed], encoders(), IngestOptions(**options), reject=rejections.append, embedding=embedding
        )
        return contents(catalogue), summary.model_copy(update={"seconds": 0.0}), rejections


def hard_feed(folder: Path) -> Path:
    """Lines that are broken, repeated, without an id or a picture; pictures that are missing, damaged or outside."""
    rows = lines(150, pictures=2)
    rows[3]["images"] = ["images/none.png", "images/damaged.png", "../outside.png"]
    rows[40] = {**rows[39], "title": "The same id again"}
    rows[41] = {**rows[20], "price": "about 7"}
    rows[50] = {"title": "No id"}
    rows[60]["url"] = "javascript:alert()"
    path = write(folder, [row | {"images": row.get("images", [])} for row in rows])
    (folder / "images/damaged.png").write_bytes((folder / "images/1-0.png").read_bytes()[:50])
    text = path.read_text().splitlines()
    text[70] = text[70][:40]
    path.write_text("\n".join([*text, "[1]"]) + "\n")
    return path


def test_a_feed_with_every_fault_gives_the_same_catalogue_and_the_same_words(cluster: str, tmp_path: Path) -> None:
    feed = hard_feed(tmp_path / "feed")
    here, there = tmp_path / "here", tmp_path / "there"
    first = run(here, feed, None)
    assert {one.kind for one in first[2]} >= {"line", "picture", "duplicate", "field"}
    assert run(there, feed, cluster) == first
    text = feed.read_text().splitlines()
    feed.write_text("\n".join(line.replace("red", "crimson") for line in text[20:]) + "\n")
    picture(feed.parent / "images/100-0.png", 123_456)
    second = run(here, feed, None, prune=True)
    assert second[1].removed > 10
    assert second[1].changed > 10
    assert run(there, feed, cluster, prune=True) == second
    third = run(there, feed, cluster, prune=True)[1]
    assert (third.accepted, third.texts_embedded, third.pictures_embedded) == (0, 0, 0)


def test_workers_with_other_encoders_or_without_their_model_are_one_sentence(cluster: str, tmp_path: Path) -> None:
    feed = write(tmp_path / "feed", lines(5))
    others = RayEmbedding(partial(Encoders, HashText("another"), HashPictures()), encoders(), RayOptions(workers=1))
    missing = RayEmbedding(_missing, encoders(), RayOptions(workers=1))
    with Catalogue.open(tmp_path / "data") as catalogue:
        with pytest.raises(ServiceMissing, match="has other encoders"):
            ingest(catalogue, [feed], encoders(), embedding=others)
        with pytest.raises(ServiceMissing, match=r"^The model is not there\.$"):
            ingest(catalogue, [feed], encoders(), embedding=missing)
        with pytest.raises(ServiceMissing, match="room for 2 workers, and 3 are wanted"):
            ingest(catalogue, [feed], encoders(), embedding=RayEmbedding(encoders, encoders(), RayOptions(workers=3)))
        assert catalogue.count() == 0


def _missing() -> Encoders:
    raise ServiceMissing("The model is not there.")


class DyingText(HashText):
    """Its process ends in the middle of the work, once."""

    def __init__(self, marker: Path) -> None:
        super().__init__()
        self._marker = marker

    def encode(self, texts: Any, **options: Any) -> Any:  # noqa: ANN401 - as of `HashText`
        if "item-100" in str(texts) or any("number 100." in text for text in texts):
            try:
                self._marker.touch(exist_ok=False)
            except FileExistsError:
                pass
            else:
                os.kill(os.getpid(), signal.SIGKILL)
        return super().encode(texts, **options)


def test_a_worker_that_dies_costs_nothing(cluster: str, tmp_path: Path) -> None:
    feed = write(tmp_path / "feed", lines(200))
    dying = partial(Encoders, DyingText(tmp_path / "died"), HashPictures())
    options = RayOptions(workers=2)
    with Catalogue.open(tmp_path / "data") as catalogue:
        given = Encoders(HashText(), HashPictures())
        assert ingest(catalogue, [feed], given, embedding=RayEmbedding(dying, given, options)).new == 200
        assert (tmp_path / "died").exists()
        assert_searchable(catalogue, 200)


def test_killed_again_and_again(cluster: str, tmp_path: Path) -> None:
    feed = write(tmp_path / "feed", lines(COUNT))
    data, options = tmp_path / "data", ("--engine", "ray", "--workers", "2", "--address", cluster)
    random.seed(11)
    kills = 0
    for part in range(2):
        process = start(data, feed, *options)
        wait_for(process, data, part * COUNT // 3 + 1)
        time.sleep(random.uniform(0, 0.15))
        process.kill()
        ended = finish(process)
        kills += ended[0] == -signal.SIGKILL
    assert kills >= 1, ended
    before = items_in(data)
    code, out, err = finish(start(data, feed, *options))
    assert code == 0, err
    summary = json.loads(out)
    assert (summary["unchanged"], summary["new"]) == (before, COUNT - before)
    with Catalogue.open(data) as survivor, Catalogue.open(tmp_path / "clean") as clean:
        ingest(clean, [feed], Encoders(HashText(), HashPictures()))
        assert contents(survivor) == contents(clean)
        assert_searchable(survivor, COUNT)


def test_ctrl_c_stops_everything_of_ray_and_only_this_machine_can_reach_it(tmp_path: Path) -> None:
    feed, data = write(tmp_path / "feed", lines(COUNT)), tmp_path / "data"
    process = start(data, feed, "--engine", "ray", "--workers", "2")
    wait_for(process, data, 20)
    ours = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    listening = {
        connection.laddr.ip for one in ours for connection in one.net_connections() if connection.status == "LISTEN"
    }
    assert len(ours) > 5
    assert {ip.removeprefix("::ffff:") for ip in listening} == {"127.0.0.1"}
    process.send_signal(signal.SIGINT)
    code, out, err = finish(process)
    assert (code, out) == (130, "")
    said = [line for line in err.splitlines() if not line.startswith("Ingesting: ")]
    assert said == ["Interrupted; what was finished is kept."]
    _, left = psutil.wait_procs(ours, timeout=10)
    assert [one for one in left if one.status() != psutil.STATUS_ZOMBIE] == []
    assert not list(Path(tempfile.gettempdir()).glob(f"{FOLDER}{process.pid}-*"))
    assert 0 < items_in(data) < COUNT


def test_an_address_without_a_cluster_is_one_sentence(tmp_path: Path) -> None:
    feed = write(tmp_path / "feed", lines(3))
    code, out, err = finish(start(tmp_path / "data", feed, "--engine", "ray", "--address", "127.0.0.1:9"))
    assert (code, out) == (3, "")
    assert err.startswith("error: No Ray cluster answers at 127.0.0.1:9 (")
    assert err.count("\n") == 1
    with pytest.raises(BadInput, match=r"^Ray Data works from a machine of the cluster"):
        RayEmbedding(encoders, encoders(), RayOptions("ray://127.0.0.1:9"))


def test_without_ray_the_sentence_says_what_to_install(tmp_path: Path) -> None:
    feed = write(tmp_path / "feed", lines(3))
    code = "import sys; sys.modules['ray'] = None; from assistant.cli import main; main()"
    command = [sys.executable, "-c", code, "ingest", str(feed), "--engine", "ray"]
    environment = {**os.environ, "ASSISTANT_DATA": str(tmp_path), "ASSISTANT_TEXT__BASE_URL": "http://127.0.0.1:9/v1"}
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert process.returncode == 3
    assert process.stderr == (
        "error: Ingestion with Ray needs the extra ray: pip install 'recommendation-assistant[ray]'\n"
    )
