"""assistant federate with two shops: their data folders, the files between them, and Flower's own messages."""

import json
import subprocess
from pathlib import Path
from zipfile import ZipFile

import pytest
from typer.testing import CliRunner

from assistant import federated_training
from assistant.cli import app
from assistant.errors import BadInput
from assistant.settings import PrivacySettings, Settings, project_folder
from tests.integration.taste.conftest import likes, put, thing
from tools.store import Catalogue
from tools.taste.events import EventStore
from tools.taste.federated.exchange.counts import SharedCounts
from tools.taste.model import TasteModel
from tools.taste.privacy_ledger import NAME, BudgetSpent, PrivacyLedger

FLOWER = project_folder() / ".venv-flower" / "bin" / "python"
APP = project_folder() / "tools" / "taste" / "federated"


@pytest.fixture
def other(tmp_path: Path) -> Settings:
    """A shop that sells red things only, to a hundred people who like the first three."""
    settings = Settings(home=tmp_path, data=tmp_path / "other")
    with Catalogue.open(settings.data_folder) as catalogue:
        put(catalogue, [thing("red", number) for number in range(14)])
    store = EventStore.open(settings.data_folder)
    store.add(event for n in range(100) for event in likes(f"{n + 500:032x}", "red-0", "red-1", "red-2", "red-13"))
    store.close()
    return settings


def content(path: Path) -> bytes:
    with ZipFile(path) as archive:
        return b"".join(archive.read(name) for name in archive.namelist())


def model_of(settings: Settings) -> TasteModel:
    model = TasteModel.load(settings.data_folder)
    assert model is not None
    return model


def test_two_shops_learn_together_and_only_counts_are_in_the_files(
    settings: Settings, other: Settings, catalogue: Catalogue, store: EventStore, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    store.add(likes("f" * 32, "red-0", "blue-0", "secret-0"))
    run, files = CliRunner(), {name: str(tmp_path / name) for name in ("mine", "theirs", "total")}
    for data, name in ((settings.data_folder, "mine"), (other.data_folder, "theirs")):
        monkeypatch.setenv("ASSISTANT_HOME", str(tmp_path))
        monkeypatch.setenv("ASSISTANT_DATA", str(data))
        assert run.invoke(app, ["federate", "share", files[name]]).exit_code == 0
    assert run.invoke(app, ["federate", "add", files["total"], files["mine"], files["theirs"]]).exit_code == 0
    monkeypatch.setenv("ASSISTANT_DATA", str(settings.data_folder))
    done = run.invoke(app, ["federate", "learn", "--json", files["total"], files["mine"]])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["people"] == 141
    model = model_of(settings)
    assert {near.item_id for near in model.neighbours("red-0", 2)} == {"red-1", "red-2"}
    assert set(model.ids) == {*catalogue.ids(), "secret-0"}, "red-13 is not sold here; secret-0 is known here alone"
    people = [name.encode() for name in store.user_ids().values()]
    for path in files.values():
        assert b"red-1" in content(Path(path))
        assert not any(word in content(Path(path)) for word in (b"secret", *people))


def test_with_an_epsilon_the_ledger_is_kept_and_the_total_alone_is_learned_from(
    settings: Settings, other: Settings, catalogue: Catalogue, store: EventStore, tmp_path: Path
) -> None:
    private = settings.model_copy(update={"privacy": PrivacySettings(epsilon=8.0)})
    mine, theirs, total = tmp_path / "mine", tmp_path / "theirs", tmp_path / "total"
    federated_training.share(settings, mine)
    federated_training.share(other, theirs, epsilon=4.0)
    federated_training.add_counts([mine, theirs], total)
    with pytest.raises(BadInput, match="sent exact counts"):
        federated_training.train_federated(private, total, mine)
    federated_training.share(private, mine)
    with pytest.raises(BudgetSpent):
        federated_training.share(private, mine)
    federated_training.add_counts([mine, theirs], total)
    card = federated_training.train_federated(private, total, mine)
    assert (card.algorithm, card.figures) == ("neighbours", {})
    assert set(model_of(settings).ids) == set(catalogue.ids())
    assert [one.epsilon for one in PrivacyLedger(settings.data_folder / NAME, 8.0).releases()] == [8.0]
    assert [one.epsilon for one in PrivacyLedger(other.data_folder / NAME, 4.0).releases()] == [4.0]


def test_a_file_of_anything_else_is_refused(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "total").write_text("no counts")
    for path in (tmp_path / "total", tmp_path / "missing"):
        with pytest.raises(BadInput, match="holds no shared counts"):
            federated_training.train_federated(settings, path, path)


EXCHANGE = """
import sys
from flwr.app import Context, RecordDict
from flwr.supercore.inflatable.inflatable_object import get_all_nested_objects
from flwr.supercore.task_identity import TaskIdentity
from exchange import client, server

TaskIdentity.run_id = TaskIdentity.task_id = TaskIdentity.node_id = 1
files, sent = sys.argv[2:], open(sys.argv[1], "wb")
nodes = {node: {"counts": path, "total": path + ".total"} for node, path in enumerate(files, start=1)}


class Wire:
    def get_node_ids(self):
        return list(nodes)

    def send_and_receive(self, messages):
        for message in messages:
            node = message.metadata.dst_node_id
            context = Context(run_id=1, node_id=node, node_config=nodes[node], state=RecordDict(), run_config={})
            message.metadata.__dict__["_message_id"] = str(node)
            reply = client.app(message, context)
            for one in (message, reply):
                for part in get_all_nested_objects(one).values():
                    sent.write(part.deflate())
            yield reply


config = {"shops": len(files), "wait-seconds": 0}
server.app(Wire(), Context(run_id=1, node_id=0, node_config={}, state=RecordDict(), run_config=config))
"""


@pytest.mark.skipif(not FLOWER.exists(), reason="Flower's environment is not there: docs/federated.md")
def test_no_user_and_no_single_person_s_choice_is_in_the_messages_that_flower_sends(
    settings: Settings, other: Settings, catalogue: Catalogue, store: EventStore, tmp_path: Path
) -> None:
    store.add(likes("f" * 32, "red-0", "blue-0", "secret-0"))
    mine, theirs, wire = tmp_path / "mine", tmp_path / "theirs", tmp_path / "wire"
    federated_training.share(settings, mine)
    federated_training.share(other, theirs)
    command = [FLOWER, "-c", EXCHANGE, wire, mine, theirs]
    subprocess.run(
        command, cwd=APP, env={"FLWR_TELEMETRY_ENABLED": "0", "HOME": str(tmp_path)}, check=True, timeout=120
    )
    sent = wire.read_bytes()
    assert sent.count(b'"red-1"') == 4, "once from each shop, and once to each in the total"
    assert b"secret" not in sent
    assert not any(name.encode() in sent for name in store.user_ids().values())
    for path in (mine, theirs):
        total = SharedCounts.load(path.with_name(f"{path.name}.total"))
        pairs = {(total.items[first], total.items[second]) for first, second in total.pairs}
        assert ("red-0", "red-1") in pairs
        assert ("blue-0", "red-0") not in pairs, "one person alone chose both"
