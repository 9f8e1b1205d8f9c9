#!/usr/bin/env bash
# The service and its web page; an empty catalogue gets the sample first. Arguments go to `assistant serve`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
assistant=.venv/bin/assistant

items() { # 0 also where no catalogue was made yet
    { $assistant catalogue stats --json 2>/dev/null || echo '{"items": 0}'; } | .venv/bin/python -c 'import json, sys; print(json.load(sys.stdin)["items"])'
}

if [[ $(items) == 0 ]]; then
    echo "The catalogue is empty: the sample is put into it." >&2
    if sample=$($assistant sample fetch); then
        $assistant ingest "$sample" >&2
    else
        echo "It stays empty; fill it with: assistant ingest FILE" >&2
    fi
fi
exec $assistant serve "$@"
