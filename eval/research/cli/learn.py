"""assistant eval research learn: fusion weights from what was shown and pressed, with a check, and back again."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.errors import BadInput
from assistant.settings import Settings, load_settings

if TYPE_CHECKING:
    from eval.research.learning.records import Estimate, Fitted


def learn(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Fit and check, but put nothing in force.")] = False,
    rollback: Annotated[bool, typer.Option("--rollback", help="Go back to the weights before these.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Print the weights in force and what they rest on.")] = False,
    eta: Annotated[float, typer.Option(min=0, max=3, help="Position bias that is assumed: place ** -ETA.")] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Fit the fusion's weights to logged rankings; refused (exit code 2) where the data can't show an improvement."""
    settings = load_settings()
    if rollback:
        _roll_back(settings, as_json=as_json)
    elif show:
        _show(settings, as_json=as_json)
    else:
        _learn(settings, eta=eta, dry_run=dry_run, as_json=as_json)


def _learn(settings: Settings, *, eta: float, dry_run: bool, as_json: bool) -> None:
    from assistant.ingest.progress import progress_for_terminal
    from assistant.learned_weights import learning_folder
    from eval.research.learning.records import Learned
    from eval.research.learning.store import keep

    progress_for_terminal().say("Fitting the weights to the logged rankings")
    fitted = fitted_to_log(settings, eta=eta)
    version = None
    if not (fitted.refused or dry_run):
        learned = Learned(at=time.time(), weights=fitted.weights, fitted=fitted)
        version = keep(learning_folder(settings.data_folder), learned).version
    if as_json:
        typer.echo(fitted.model_dump_json(indent=1))
    else:
        typer.echo("\n".join(_report_lines(fitted)))
    if fitted.refused:
        raise BadInput(f"Nothing was changed. {fitted.refused}")
    if not as_json:
        typer.echo(f"In force: version {version}." if version else "Nothing was changed (--dry-run).")


def fitted_to_log(settings: Settings, *, eta: float) -> "Fitted":
    """What the rankings and presses of the data folder teach.

    Raises:
        StoreError: they cannot be read.
    """
    from assistant.impression_log import ImpressionLog
    from assistant.learned_weights import weights_in_force
    from assistant.storage import SESSIONS
    from eval.research.learning.learn import learn as learn_from
    from eval.research.learning.presses import judged

    log = ImpressionLog(settings.place(SESSIONS))
    return learn_from(judged(log.read(), log.presses()), weights_in_force(settings)[0], eta=eta)


def _roll_back(settings: Settings, *, as_json: bool) -> None:
    from assistant.learned_weights import learning_folder
    from eval.research.learning.store import roll_back

    version = roll_back(learning_folder(settings.data_folder))
    if as_json:
        typer.echo(f'{{"version": {version}}}')
    else:
        in_force = f"version {version}" if version else "the settings' own weights"
        typer.echo(f"In force: {in_force}.")


def _show(settings: Settings, *, as_json: bool) -> None:
    from assistant.learned_weights import in_force, learning_folder
    from eval.research.learning.records import Learned

    learned = in_force(learning_folder(settings.data_folder), Learned)
    if as_json:
        typer.echo(learned.model_dump_json(indent=1) if learned else '{"version": 0}')
    elif learned is None:
        typer.echo("Nothing learned is in force: the settings' own weights are.")
    else:
        typer.echo(
            "\n".join(
                [f"In force: version {learned.version}, before it {learned.previous}.", *_report_lines(learned.fitted)]
            )
        )


def _report_lines(fitted: "Fitted") -> list[str]:
    lines = [f"{fitted.turns:,} rankings in {fitted.sessions:,} sessions, {fitted.presses:,} presses."]
    if fitted.propensities:
        places = ", ".join(f"{value:.2f}" for value in fitted.propensities.by_position)
        eta = fitted.propensities.eta
        lines.append(f"Places are looked at as 1st, 2nd, ...: {places}, assumed (eta {eta:g}).")
    lines += [
        f"  {source:14} {fitted.before.get(source, 0.0):7.3f} -> {weight:7.3f}"
        for source, weight in fitted.weights.items()
    ]
    if comparison := fitted.held_out:
        lines += [
            "On held-out sessions, presses a turn (95 % interval):",
            f"  old weights {_interval(comparison.old)}, as they were",
            f"  new weights {_interval(comparison.new)}, the same items in their order (clipped IPS)",
            f"  with their own items at least {_interval(comparison.at_least)}",
            f"  a looked-at place (SNIPS): {comparison.old_per_place:.3f} -> {comparison.new_per_place:.3f}, "
            f"difference {_interval(comparison.difference)}",
            f"  {comparison.unseen:.0%} of the new places hold items that were not shown",
        ]
    return lines


def _interval(estimate: "Estimate") -> str:
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"
