"""``python -m eval.bench [NAME ...] [--all] [--json FILE] [--lines N] [--cases N] [--seed S]``.

Each measurement runs in a process of its own, so that none inherits another's memory or threads.
"""

import argparse
import importlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console

from assistant.errors import ProductError
from eval.bench.report import Result, describe_run, in_one_line, show
from tools.engines.threads import limit_arenas

USUAL = (
    "reading", "overhead", "embedding", "ingestion", "memory", "lines", "interactions", "taste", "service", "one_shot",
    "video", "ingest_media",
)  # fmt: skip
LONG = ("scale", "replicas", "models", "fuzz", "mutated", "workers", "ray_workers", "kills")
CASES_HELP = "only so many cases in `models`, of each kind in `fuzz` and `mutated` (10,000), or kills in `kills` (20)"


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and say 0; 1 when a measurement failed, or `fuzz` or `mutated` met a failure."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in (*USUAL, *LONG)]:
        parser.error(f"unknown measurement: {', '.join(unknown)}; known: {', '.join([*USUAL, *LONG])}")
    names = options.names or [*USUAL, *(LONG if options.all else ())]
    if options.here:
        return _measure_here(names[0], options)
    run, console = describe_run(), Console(width=None if sys.stdout.isatty() else 140)
    console.print(in_one_line(run), highlight=False, markup=False)
    run["results"], failed = {}, []
    for name in names:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        result = _measure_apart(name, options)
        if result is None:
            failed.append(name)
            continue
        show(result, console)
        if result.failed:
            failed.append(name)
        run["results"][name] = result.as_json()
        if options.json:
            options.json.write_text(json.dumps(run, indent=1) + "\n")
    if failed:
        print(f"Failed, see above: {', '.join(failed)}.", file=sys.stderr)
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m eval.bench", description="Measure the product on this machine.")
    measurements = [*USUAL, *LONG]
    help_text = f"what to measure: {', '.join(measurements)}; default: all but {', '.join(LONG)}"
    parser.add_argument("names", nargs="*", metavar="NAME", help=help_text)
    parser.add_argument(
        "--all", action="store_true", help=f"also {', '.join(LONG)}, which take about two hours on 2 cores"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every number, with machine, date and versions")
    parser.add_argument(
        "--lines",
        type=int,
        default=100_000,
        help="how many lines `lines` ingests, or items `scale` and `replicas` make (100,000)",
    )
    parser.add_argument("--cases", type=int, help=CASES_HELP)
    parser.add_argument("--seed", type=int, default=0, help="which cases `fuzz` and `mutated` generate (0)")
    parser.add_argument("--here", type=Path, help=argparse.SUPPRESS)
    return parser


def _measure_apart(name: str, options: argparse.Namespace) -> Result | None:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "result.json"
        command = [sys.executable, "-m", "eval.bench", name, "--here", str(target), "--lines", str(options.lines)]
        command += ["--seed", str(options.seed), *(["--cases", str(options.cases)] if options.cases else [])]
        if subprocess.run(command, check=False).returncode or not target.is_file():  # noqa: S603 - this very program
            return None
        return Result.from_json(json.loads(target.read_text()))


def _measure_here(name: str, options: argparse.Namespace) -> int:
    """In this process, the result as JSON for the process that asked."""
    from assistant.settings import load_settings  # a measured process loads no more than it measures
    from eval.bench.stage import Stage  # a measured process loads no more than it measures

    limit_arenas()  # as the command line does
    try:
        module: Any = importlib.import_module(f"eval.bench.{name}")
        result: Result = module.measure(
            Stage(load_settings(), lines=options.lines, cases=options.cases, seed=options.seed)
        )
    except ProductError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return exc.exit_code
    options.here.write_text(json.dumps(result.as_json()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
