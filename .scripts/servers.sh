#!/usr/bin/env bash
# PostgreSQL and Redis for the tests of state that several machines share: the system's, or Debian's packages where they
# may be installed. The tests start servers of their own; no service of the system is started.
#
#     .scripts/servers.sh             # says what to do where one is missing; those tests are then skipped, and say so
#     .scripts/servers.sh required    # fails where one is missing
set -euo pipefail

postgres() { compgen -G '/usr/lib/postgresql/*/bin/pg_ctl' >/dev/null || command -v pg_ctl >/dev/null; }
redis() { command -v redis-server >/dev/null; }
present() { postgres && redis; }

if present; then exit 0; fi
if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    echo "+ installing Debian's postgresql and redis-server for the tests of shared state" >&2
    policy=/usr/sbin/policy-rc.d # has Debian's packages start nothing
    if [[ ! -e $policy ]]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"
        trap 'rm -f "$policy"' EXIT
    fi
    log=$({ apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
        postgresql redis-server; } 2>&1) || echo "$log" | tail -n 5 >&2
fi
if ! present; then
    echo "PostgreSQL or Redis is not installed, so the tests of shared state are skipped; to run them:" \
        "apt install postgresql redis-server" >&2
    [[ ${1:-} != required ]]
fi
