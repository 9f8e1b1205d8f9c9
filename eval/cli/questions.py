"""assistant eval questions: the language model asked about the words that the classifiers are unsure of."""

import asyncio

import typer


def questions() -> None:
    """Who decides unsure words of the labelled messages rightly: the classifiers or the running language model."""
    from assistant.ingest.progress import progress_for_terminal
    from assistant.llm.client import ChatClient
    from assistant.settings import load_settings
    from eval import questions as measured
    from eval.cli.heads import encoded

    settings, progress = load_settings(), progress_for_terminal()
    cases, stretches = measured.unsure_cases(encoded(settings))
    with progress.stage("asking the language model", len(cases), "questions") as advance:
        answers = asyncio.run(measured.ask(ChatClient(settings), cases, advance))
    for kind, number in (("names and words", False), ("numbers", True)):
        own = [answer for answer in answers if answer.case.question.number == number]
        typer.echo(measured.in_words(kind, measured.figures(own, stretches[number])))
