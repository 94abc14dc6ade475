#!/usr/bin/env bash
# Runs all tests, after it has installed what they need and the machine lacks: a browser for the tests of the page, servers for those
# of TLS and proxies.
#
#     scripts/test.sh [--no-install] [arguments of cargo test]
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1-}" = --no-install ]; then
    shift
else
    scripts/install-browser.sh
    scripts/install-servers.sh
fi
command -v cargo >/dev/null || {
    echo "cargo is missing: install Rust 1.95 or newer from https://rustup.rs" >&2
    exit 1
}
exec cargo test --locked "$@"
