"""Running suites: variants, answerers, cache and the record of a run. See docs/evaluation.md."""
