#!/usr/bin/env bash
# Installs the proxies that the suite starts, where they are missing (Debian and Ubuntu). None of them is left running.
set -euo pipefail
missing=()
command -v microsocks >/dev/null || missing+=(microsocks)
command -v danted >/dev/null || [ -x /usr/sbin/danted ] || missing+=(dante-server)
command -v tinyproxy >/dev/null || missing+=(tinyproxy)
command -v squid >/dev/null || [ -x /usr/sbin/squid ] || missing+=(squid)
[ ${#missing[@]} -eq 0 ] && exit 0

root=()
[ "$(id -u)" -eq 0 ] || root=(sudo)
# Packages start their daemons when they are installed; this says no (invoke-rc.d(8)).
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
  "${root[@]}" chmod 755 "$policy"
  trap '"${root[@]}" rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
"${root[@]}" apt-get update -qq
"${root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
