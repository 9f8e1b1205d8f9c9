#!/usr/bin/env bash
# The demonstration: starts vLLM, fetches the sample catalogue, ingests it, asks one question, and ends what it started.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
assistant=.venv/bin/assistant

run() {
    printf '+ %s\n' "${*#.venv/bin/}" >&2
    "$@"
}

stop() {
    local code=$?
    trap - EXIT
    if [[ -n ${started:-} ]]; then
        run $assistant llm down || code=$?
    else
        echo "vLLM was running before and goes on; stop it with: make down" >&2
    fi
    exit $code
}

if ! $assistant llm status >/dev/null 2>&1; then started=yes; fi
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
run $assistant llm up
catalogue=$(run $assistant sample fetch)
run $assistant ingest "$catalogue"
run $assistant demo
