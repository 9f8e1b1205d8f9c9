#!/usr/bin/env bash
# The service and its web page without vLLM. The language model is a server of OpenAI's protocol, or there is none:
#
#     make light
#     make light ASSISTANT_LLM__BASE_URL=https://api.example.org/v1 ASSISTANT_LLM__MODEL=NAME ASSISTANT_LLM__API_KEY=KEY
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export ASSISTANT_LLM__PROFILE=remote
if [[ -z ${ASSISTANT_LLM__BASE_URL:-} ]]; then
    echo "No language model: explanations are made from their evidence. With one: make light ASSISTANT_LLM__BASE_URL=..." >&2
    # nothing listens there, and nothing is asked
    export ASSISTANT_LLM__BASE_URL=http://127.0.0.1:9/v1 ASSISTANT_LLM__MODEL=none ASSISTANT_TURN__EXPLANATIONS=template
    export ASSISTANT_TURN__PLANNER=reading ASSISTANT_TURN__RANKING=fused ASSISTANT_READING__QUESTIONS=0
fi
.venv/bin/assistant models pull
exec bash .scripts/serve.sh --no-llm
