#!/usr/bin/env bash
# Chromium for the tests of the web page: the system's, or Debian's package where it may be installed.
#
#     .scripts/browser.sh             # says what to do where there is none; those tests are then skipped, and say so
#     .scripts/browser.sh required    # fails where there is none
set -euo pipefail

present() { local name; for name in chromium chromium-browser google-chrome chrome; do command -v "$name" >/dev/null && return; done; return 1; }

if present; then exit 0; fi
if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    echo "+ installing Debian's chromium for the tests of the web page" >&2
    log=$({ apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends chromium; } 2>&1) \
        || echo "$log" | tail -n 5 >&2
fi
if ! present; then
    echo "Chromium is not installed, so the tests of the web page are skipped; to run them: apt install chromium" >&2
    [[ ${1:-} != required ]]
fi
