#!/usr/bin/env bash
# Puts a backup into place: restore.sh FOLDER. Stop the service first. ASSISTANT_HOME must hold no data yet.
set -euo pipefail
umask 077
home=${ASSISTANT_HOME:?}
data=${ASSISTANT_DATA:-$home/data}
from=$1
mkdir -p "$home" "$data"
[[ -z $(ls -A "$data") ]] || { echo "$data is not empty; move it away first" >&2; exit 2; }
tar -C "$home" -xf "$from/home.tar"
tar -C "$data" -xf "$from/files.tar"
cp "$from"/data/*.sqlite "$data"
