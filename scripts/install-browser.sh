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

"$(dirname "$0")/install-packages.sh" \
    "The tests of the page need Chromium (or Chrome) and chromedriver of the same version on the path" chromium chromium-driver
echo "Installed: $(chromium --version), $(chromedriver --version)."
