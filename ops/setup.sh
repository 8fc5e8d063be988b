#!/usr/bin/env bash
# Install everything claimstream needs into a virtual environment, from the lock file, and fetch Apache Kafka.
# Usage: ops/setup.sh PYTHON VENV. Run again it changes only what differs.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1 venv=$2

say() { printf 'setup: %s\n' "$1" >&2; }

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
  say "$python is not Python 3.11 or newer; run make with PYTHON=/path/to/python3.11"
  exit 3
}

if ! "$venv/bin/python" -c '' 2>/dev/null; then
  # Debian ships venv's pip apart from Python; as root the missing package is installed, else its name is said.
  if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    package="python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
      say "installing the Debian package $package"
      apt-get update -qq && apt-get install -y -qq "$package" >/dev/null
    else
      say "this Python cannot make virtual environments; install the package $package and run make again"
      exit 3
    fi
  fi
  say "making $venv"
  "$python" -m venv --clear "$venv"
fi

say "installing the locked packages"
"$venv/bin/python" -m pip --disable-pip-version-check install --quiet --require-hashes -r requirements.lock
# The warnings would be that the package's name is the folder's; it is that folder.
PYTHONWARNINGS=ignore "$venv/bin/python" -m pip --disable-pip-version-check install --quiet --no-deps \
  --no-build-isolation --editable .

say "fetching Apache Kafka (once; about 45 MB)"
"$venv/bin/python" -m streams.embedded_kafka fetch >&2
say "done"
