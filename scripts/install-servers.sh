#!/usr/bin/env bash
# Installs the servers that the tests of TLS and proxies connect to, if they are missing: Debian's packages nginx and squid.
set -euo pipefail

missing=()
for name in nginx squid; do
    [ -x "/usr/sbin/$name" ] || missing+=("$name")
done
if [ ${#missing[@]} -eq 0 ]; then
    echo "The tests of TLS and proxies use /usr/sbin/nginx and /usr/sbin/squid."
    exit 0
fi
"$(dirname "$0")/install-packages.sh" "The tests of TLS and proxies need /usr/sbin/nginx and /usr/sbin/squid" "${missing[@]}"
