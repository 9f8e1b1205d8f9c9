"""assistant eval judge: a language model grades what a run recommended, and how far that can be believed."""

import asyncio
import os
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.errors import ConfigError, LLMUnavailable
from assistant.settings import LLMSettings, Settings, load_settings

if TYPE_CHECKING:
    from eval.judge.records import JudgeReport


def judge(
    run: Annotated[str, typer.Argument(help="The run to judge: its name, or a path with a slash.")],
    base_url: Annotated[str, typer.Option(help="Any OpenAI-compatible server, for example https://HOST/v1.")],
    model: Annotated[str, typer.Option(help="The judge's name there; best not the model that is judged.")],
    key_env: Annotated[str | None, typer.Option(help="Environment variable that holds the server's key.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Have a language model grade every shown item from 0 to 3, and say first how far it agrees with people.

    The conversation as the suite has it and the items' catalogue data are sent to that server, nothing else.
    """
    settings = judge_settings(load_settings(), base_url, model, key_env)
    judge_report = asyncio.run(_judge(run, settings, model))
    typer.echo(judge_report.model_dump_json(indent=1) if as_json else report_text(judge_report))


def judge_settings(settings: Settings, base_url: str, model: str, key_env: str | None) -> Settings:
    """The settings with the judge as their language model; nothing of the product's own goes to it.

    Raises:
        ConfigError: the key's variable is not set.
    """
    key = os.environ.get(key_env, "") if key_env else "none"
    if not key:
        raise ConfigError(f"The environment variable {key_env} is not set; it should hold the judge's key.")
    own = settings.llm
    llm = LLMSettings.model_validate(
        {"profile": "remote", "base_url": base_url, "model": model, "api_key": key, "call_seconds": own.call_seconds}
    )
    return settings.model_copy(update={"llm": llm})


async def _judge(name: str, settings: Settings, model: str) -> "JudgeReport":
    from assistant.ingest import progress_for_terminal
    from assistant.llm.client import ChatClient
    from eval.judge.agreement import report
    from eval.judge.files import JudgeFiles
    from eval.judge.judging import judge_prompt, judge_run
    from eval.judge.pairs import JudgeVariables, pairs_of
    from eval.runs.reading import read_run, run_folder, runs_folder
    from eval.suite.catalogue import suite_items
    from eval.suite.load import load_suite

    run = read_run(run_folder(name, runs_folder(settings)))
    items = suite_items(load_suite(run.manifest.suite_file), settings)
    pairs, files = pairs_of(run, items), JudgeFiles(run.folder, model, judge_prompt())
    chat, progress = ChatClient(settings), progress_for_terminal()
    try:
        judgements = await judge_run(
            pairs, JudgeVariables(run, items), chat, previous=files.judgements, keep=files.add, progress=progress
        )
    except LLMUnavailable as exc:
        reason = str(exc).split(";")[0].rstrip(".")
        raise LLMUnavailable(f"{reason}; check --base-url, --model and --key-env. What was judged is kept.") from exc
    finally:
        await chat.aclose()
    judge_report = report(run.name, model, judge_prompt(), judgements, pairs=len(pairs))
    files.finish(judge_report)
    return judge_report


def report_text(report: "JudgeReport") -> str:
    """For people: agreement first, and the mean only with what it is worth."""
    from eval.judge.agreement import ENOUGH

    agreed = report.agreement
    lines = [f"{report.judge} (prompt {report.prompt.split()[0]}) over {report.run}"]
    if agreed.kappa is None or agreed.spearman is None:
        lines.append(f"Agreement with the grades by hand cannot be told: {agreed.pairs} items, or all of one grade.")
    else:
        agreement = f"weighted kappa {agreed.kappa:.2f}, Spearman {agreed.spearman:.2f}, {agreed.pairs} items"
        lines.append(f"Agreement with the grades by hand: {agreement}.")
    if report.believed and report.mean is not None:
        lines.append(f"Mean grade of the {report.shown} shown items: {report.mean:.2f} of 3.")
    else:
        lines.append(f"The judge is not believed: that takes a kappa of {ENOUGH:g} (Landis and Koch 1977).")
    if report.failed:
        lines.append(f"Items without a usable grade: {report.failed}.")
    return "\n".join(lines)
