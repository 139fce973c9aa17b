#!/usr/bin/env bash
# Chromium, in which the tests of pages look at them. Where it is missing, Debian's is installed, if that takes no
# password and under five minutes. Exit 1: it is not there.
set -euo pipefail

command -v chromium >/dev/null && exit 0

root=()
[ "$(id -u)" = 0 ] || root=(sudo -n)
if command -v apt-get >/dev/null && "${root[@]}" true 2>/dev/null; then
  echo "Installing Chromium for the tests of pages; once"
  "${root[@]}" timeout 60 apt-get update -qq >/dev/null || true
  "${root[@]}" timeout 240 env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null || true
fi
command -v chromium >/dev/null && exit 0

echo "Chromium is missing, and could not be installed. Install it: apt-get install chromium (Debian)." >&2
exit 1
