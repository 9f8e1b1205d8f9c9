# shellcheck shell=bash
# Sourced by scripts that need vLLM for a while: starts it unless it runs, and in the end stops what was started.
assistant=.venv/bin/assistant

run() {
    printf '+ %s\n' "${*#.venv/bin/}" >&2
    "$@"
}

start_vllm() {
    if ! $assistant llm status >/dev/null 2>&1; then started=yes; fi
    trap stop_vllm EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    run $assistant llm up
}

stop_vllm() {
    local code=$?
    trap - EXIT
    if [[ -n ${started:-} ]]; then
        run $assistant llm down || code=$?
    else
        echo "vLLM was running before and goes on; stop it with: make down" >&2
    fi
    exit $code
}
