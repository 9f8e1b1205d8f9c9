"""assistant train --export and --import over real stores, and the scripts of other engines in docs/examples."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from assistant import taste_training
from assistant.errors import BadInput, ServiceMissing
from assistant.settings import PrivacySettings, Settings
from tests.integration.taste.test_training import command
from tests.unit.tools.taste.clusters import ITEMS, choices
from tools.store import Catalogue
from tools.taste import exchange
from tools.taste.events import EventStore
from tools.taste.model import TasteModel
from tools.taste.training import train

EXAMPLES = Path(__file__).resolve().parents[3] / "docs" / "examples"


@pytest.fixture(autouse=True)
def _needs_pyarrow(request: pytest.FixtureRequest) -> None:
    if "without_pyarrow" not in request.fixturenames:
        pytest.importorskip("pyarrow", reason="the extra parquet is not installed")


def test_factors_go_out_and_come_back_by_the_command_line(
    settings: Settings, catalogue: Catalogue, store: EventStore, tmp_path: Path
) -> None:
    import pyarrow.parquet as pq

    exported = tmp_path / "exported"
    ended = command(settings, "train", "--export", str(exported))
    assert ended.stdout == f"Choices and items are in {exported}.\n"
    entries = pq.read_table(exported / exchange.CHOICES)
    assert len(set(entries["user_id"].to_pylist())) == 40
    assert not {str(user) for user in entries["user_id"].to_pylist()} & set(store.user_ids().values())
    ids = pq.read_table(exported / exchange.ITEMS)["item_id"].to_pylist()
    factors = [[float(item_id.startswith("red")), float(item_id.startswith("blue"))] for item_id in ids]
    pq.write_table(_table(item_id=ids, factors=factors), tmp_path / exchange.FACTORS)
    ended = command(settings, "train", "--import", str(tmp_path))
    assert "from another engine: als; it may have seen the choices held out" in ended.stdout
    model = TasteModel.load(settings.data_folder)
    assert model is not None
    best = model.score({"blue-1": 1.0, "blue-2": 1.0}, k=5, exclude=["blue-1", "blue-2"])
    assert all(item_id.startswith("blue-") for item_id, _ in best)


def test_a_wrong_file_leaves_the_model(settings: Settings, store: EventStore, tmp_path: Path) -> None:
    taste_training.train(settings)
    before = TasteModel.load(settings.data_folder)
    (tmp_path / exchange.FACTORS).write_bytes(b"no Parquet")
    ended = command(settings, "train", "--import", str(tmp_path))
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].endswith("item_factors.parquet is no Parquet file that can be read.")
    assert TasteModel.load(settings.data_folder) is before


def test_only_one_of_the_options(settings: Settings, tmp_path: Path) -> None:
    ended = command(settings, "train", "--import", str(tmp_path), "--back")
    assert ended.stderr == "error: Only one of --back, --export and --import can be given.\n"
    with pytest.raises(BadInput, match="--algorithm auto"):
        taste_training.train(settings, "als", imported_from=tmp_path)


def test_private_counts_allow_neither(settings: Settings, tmp_path: Path) -> None:
    private = settings.model_copy(update={"privacy": PrivacySettings(epsilon=1.0)})
    with pytest.raises(BadInput, match="private counts alone"):
        taste_training.export(private, tmp_path)
    with pytest.raises(BadInput, match="private counts alone"):
        taste_training.train(private, imported_from=tmp_path)


@pytest.fixture
def without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)


def test_what_is_missing_is_said_with_the_command(
    settings: Settings, store: EventStore, tmp_path: Path, without_pyarrow: None
) -> None:
    with pytest.raises(ServiceMissing, match=r"pip install 'recommendation-assistant\[parquet\]'"):
        taste_training.export(settings, tmp_path)


def _table(**columns: object) -> object:
    import pyarrow as pa

    return pa.table(columns)


@pytest.mark.parametrize(
    ("script", "package", "variable", "part"),
    [
        ("spark_als.py", "pyspark", "SPARK_PYTHON", "als"),
        ("replay_slim.py", "replay", "REPLAY_PYTHON", "imported-neighbours"),
    ],
)
def test_the_script_of_another_engine(tmp_path: Path, script: str, package: str, variable: str, part: str) -> None:
    python = os.environ.get(variable, sys.executable)
    present = subprocess.run([python, "-P", "-c", f"import {package}"], capture_output=True, check=False)
    if shutil.which("java") is None or present.returncode:
        pytest.skip(f"Java or {package} is not here; {variable} may name a Python that has it.")
    made = choices()
    exchange.write_choices(made, ["new"], tmp_path / "exported")
    environment = {name: os.environ[name] for name in ("PATH", "HOME")}
    arguments = [python, str(EXAMPLES / script), str(tmp_path / "exported"), str(tmp_path / "imported")]
    subprocess.run(arguments, env=environment, check=True, cwd=tmp_path, timeout=600)
    model = train(made, {}, imported=exchange.read_imported(tmp_path / "imported", made, ["new"]))
    assert model.card.imported == [part]
    scores = model.part_scores(model.histories({"red-1": 1.0, "red-2": 1.0}))[part][0]
    reds = np.array([item_id.startswith("red") for item_id in ITEMS])
    assert scores[reds].mean() > scores[~reds].mean() + 0.5
