#!/usr/bin/env bash
# Installs the browser that the suite drives, where it is missing (Debian and Ubuntu).
set -euo pipefail
command -v chromium >/dev/null && exit 0

root=()
[ "$(id -u)" -eq 0 ] || root=(sudo)
export DEBIAN_FRONTEND=noninteractive
"${root[@]}" apt-get update -qq
"${root[@]}" apt-get install -y -qq --no-install-recommends chromium >/dev/null
