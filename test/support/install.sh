#!/usr/bin/env bash
# Installs Debian's packages for the programs that a suite starts, where they are missing: `install.sh COMMAND[=PACKAGE]…`.
# None of them is left running.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
missing=()
for each in "$@"; do
  command -v "${each%%=*}" >/dev/null || missing+=("${each##*=}")
done
[ ${#missing[@]} -eq 0 ] && exit 0
command -v apt-get >/dev/null || {
  echo "this suite needs programs that are not installed here: ${missing[*]}" >&2
  exit 1
}

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
