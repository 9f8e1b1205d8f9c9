"""The evaluation's own packages are optional: without them there is one sentence, and the rest of the product works."""

import pytest

from assistant.errors import ServiceMissing
from eval import cli


def test_a_missing_package_is_named_with_the_command_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "NEEDED", ("json", "no_such_package"))
    with pytest.raises(ServiceMissing, match=r"needs no_such_package; install with: pip install .*\[eval\]"):
        cli.check_packages()


def test_all_are_here() -> None:
    cli.check_packages()
