#!/usr/bin/env bash
# The demonstration: starts vLLM, fetches the sample catalogue, ingests it, asks one question, and ends what it started.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source .scripts/with-vllm.sh

start_vllm
catalogue=$(run $assistant sample fetch)
run $assistant ingest "$catalogue"
run $assistant demo
