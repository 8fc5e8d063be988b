#!/usr/bin/env bash
# Install Debian packages the tests of ops/ need, where that can be done: Prometheus with promtool, unless others are
# named (chromium draws the board's picture). Usage: ops/install-debian.sh [PACKAGE...]. No service is left running.
set -euo pipefail

say() { printf 'install-debian: %s\n' "$1" >&2; }

wanted=("${@:-prometheus}")
missing=()
for package in "${wanted[@]}"; do
  command -v "$package" >/dev/null || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
  say "${missing[*]} is not on the PATH and this is no Debian; install it by other means and run this again"
  exit 3
fi
if [ "$(id -u)" != 0 ]; then
  say "${missing[*]} is not on the PATH and only root can install it: sudo apt-get install ${missing[*]}"
  exit 3
fi

# Packages of services start them at once; Debian asks this file first, and 101 forbids it.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' >$policy
  chmod 755 $policy
  trap 'rm -f $policy' EXIT
fi

say "installing the Debian packages ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(apt-get update -qq 2>&1 && apt-get install -y -qq --no-install-recommends "${missing[@]}" 2>&1) || {
  printf '%s\n' "$log" >&2
  say "${missing[*]} could not be installed; the reason stands above"
  exit 3
}

# Nor at the next start of this machine: the tests start a Prometheus of their own.
for package in "${missing[@]}"; do
  if [ -e "/etc/init.d/$package" ]; then
    rm -f "/etc/systemd/system/multi-user.target.wants/$package.service"
    update-rc.d "$package" disable
  fi
done
