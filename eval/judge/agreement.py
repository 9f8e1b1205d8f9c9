"""How far a judge agrees with the grades by hand, and whether it is believed therefore."""

from collections.abc import Sequence
from statistics import fmean

from scipy.stats import spearmanr
from sklearn.metrics import cohen_kappa_score

from eval.judge.records import Agreement, Judgement, JudgeReport
from prompts import Prompt

ENOUGH = 0.6
"""From which kappa on a judge is believed: above 0.6 agreement is called substantial, below it moderate at best
(Landis and Koch 1977, The Measurement of Observer Agreement for Categorical Data, Biometrics 33)."""

GRADES = (0, 1, 2, 3)


def agreement(judgements: Sequence[Judgement]) -> Agreement:
    """Cohen's kappa with quadratic weights (Cohen 1968) and Spearman's rho over what has a grade by hand.

    Quadratic, because a 3 taken for a 0 is worse than one taken for a 2, and chance is allowed for.
    """
    graded = [(judgement.label, judgement.grade) for judgement in judgements if judgement.label is not None]
    labels, grades = [label for label, _ in graded], [grade for _, grade in graded]
    if len(set(labels)) < 2 or len(set(grades)) < 2:
        return Agreement(pairs=len(graded), kappa=None, spearman=None)
    kappa = cohen_kappa_score(labels, grades, labels=GRADES, weights="quadratic")
    return Agreement(pairs=len(graded), kappa=float(kappa), spearman=float(spearmanr(labels, grades).statistic))


def report(run: str, judge: str, prompt: Prompt, judgements: Sequence[Judgement], *, pairs: int) -> JudgeReport:
    """What a judge's grades of a run come to.

    Args:
        pairs: how many items it was asked for.
    """
    agreed = agreement(judgements)
    shown_grades = [judgement.grade for judgement in judgements if judgement.shown]
    return JudgeReport(
        run=run,
        judge=judge,
        prompt=f"{prompt.version} {prompt.sha256}",
        agreement=agreed,
        believed=agreed.kappa is not None and agreed.kappa >= ENOUGH,
        mean=fmean(shown_grades) if shown_grades else None,
        shown=len(shown_grades),
        failed=pairs - len(judgements),
    )
