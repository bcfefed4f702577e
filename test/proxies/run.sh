#!/usr/bin/env bash
# Runs the suite, with what node:test's options choose of it, after installing the proxies where they are missing.
set -euo pipefail
cd "$(dirname "$0")/../.."
test/support/install.sh microsocks danted=dante-server tinyproxy squid
node --test --test-reporter=spec "$@" 'test/proxies/*.proxies.ts'
