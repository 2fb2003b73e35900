#!/bin/sh
# Installs @kubernetes/client-node into the folder $1, and node itself if it is missing and this is root.
# Leaves alone what is there already; ends with a status other than 0 when it cannot.
set -eu
folder=$1
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    [ "$(id -u)" = 0 ] || { echo "node and npm are missing, and only root may install them"; exit 1; }
    apt-get install -y --no-install-recommends nodejs npm >/dev/null
fi
[ -f "$folder/node_modules/@kubernetes/client-node/package.json" ] && [ -f "$folder/complete" ] && exit 0
mkdir -p "$folder"
npm install --prefix "$folder" --no-audit --no-fund --loglevel=error "@kubernetes/client-node@^1.4"
touch "$folder/complete"
