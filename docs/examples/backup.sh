#!/usr/bin/env bash
# Copies what cannot be made again into a new folder, also while the service runs: backup.sh FOLDER
# Run it as the service's user. It needs sqlite3. The folder holds personal data and the key of the pseudonyms.
set -euo pipefail
umask 077
home=${ASSISTANT_HOME:?}
data=${ASSISTANT_DATA:-$home/data}
to=$1
mkdir "$to" "$to/data"

# The databases first: an upload that one of them names is then in the archive, too.
for database in "$data"/*.sqlite; do
    sqlite3 "$database" ".backup '$to/data/${database##*/}'"
done
# Chroma and thumbnails are made again from the databases.
tar -C "$data" --exclude='./*.sqlite*' --exclude=./chroma --exclude=./chroma.lock --exclude=./thumbnails \
    --exclude=./uploads/.incoming -cf "$to/files.tar" .
cd "$home"
found=()
for name in secrets config.toml probed.json adapters; do
    [[ ! -e $name ]] || found+=("$name")
done
tar -cf "$to/home.tar" -T /dev/null "${found[@]}"
