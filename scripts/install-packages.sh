#!/usr/bin/env bash
# Installs packages of Debian that tests need; other scripts call it.
#
#     scripts/install-packages.sh "what needs them" PACKAGE...
set -euo pipefail

what=$1
shift
if ! command -v apt-get >/dev/null; then
    echo "$what; there is no apt-get here to install them with." >&2
    exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "$what; to install them, run as root: apt-get install $*" >&2
        exit 1
    fi
    as_root=(sudo)
fi

# Servers of packages are out of reach now and then. RUNLEVEL: what is installed is not started.
apt() {
    local try
    for try in 1 2 3; do
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -o Acquire::Retries=3 -qq "$@" && return
        echo "apt-get $1 failed, attempt $try of 3." >&2
        sleep $((try * 5))
    done
    return 1
}
echo "Installing $*."
apt update
apt install --yes --no-install-recommends "$@"
