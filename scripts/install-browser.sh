#!/usr/bin/env bash
# Installs the browser that the tests of the page drive, if there is none: Debian's packages chromium and chromium-driver.
set -euo pipefail

browser() {
    local name
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        command -v "$name" && return
    done
    return 1
}

if found=$(browser) && driver=$(command -v chromedriver); then
    echo "The tests of the page use $found by $driver."
    exit 0
fi

by_hand="The tests of the page need Chromium (or Chrome) and chromedriver of the same version on the path"
if ! command -v apt-get >/dev/null; then
    echo "$by_hand; there is no apt-get here to install them with." >&2
    exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "$by_hand; to install them, run as root: apt-get install chromium chromium-driver" >&2
        exit 1
    fi
    as_root=(sudo)
fi

# Servers of packages are out of reach now and then.
apt() {
    local try
    for try in 1 2 3; do
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 -qq "$@" && return
        echo "apt-get $1 failed, attempt $try of 3." >&2
        sleep $((try * 5))
    done
    return 1
}
echo "Installing chromium and chromium-driver, which the tests of the page need."
apt update
apt install --yes --no-install-recommends chromium chromium-driver
echo "Installed: $(chromium --version), $(chromedriver --version)."
