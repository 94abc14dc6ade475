#!/usr/bin/env bash
# Holds the gateway to the recorded behaviour of the original: builds it, plays tests/data/ems-conformance against it
# and compares what fails with tests/ems-conformance-exceptions.txt. Fails on any other failure, and on an exception that
# passes by now. Takes about two minutes; arguments go to the runner (--only REGEX, --verbose, --keep).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
cargo build --locked --package edgebind
binary=${CARGO_TARGET_DIR:-$root/target}/debug/edgebind
[[ $binary = /* ]] || binary=$root/$binary

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# The runner leaves no compiled files beside the recorded data, which a test compares byte by byte.
export PYTHONDONTWRITEBYTECODE=1
# Each gateway of the suite is on its own, whatever is installed here.
export XDG_STATE_HOME=$folder/state
unset STATE_DIRECTORY
exceptions=$root/tests/ems-conformance-exceptions.txt

python3 "$root/tests/data/ems-conformance/runner.py" \
    --gateway-cmd "$binary run -cfg {config}" "$@" | tee result.txt || true
tail -n 1 result.txt | grep -Eq '^[0-9]+ passed, [0-9]+ failed' || {
    echo "the conformance suite did not come to an end" >&2
    exit 1
}

grep -oE '^FAIL [^ ]+' result.txt | cut -d' ' -f2 | sort -u >failed.txt || true
grep -vE '^(#|$)' "$exceptions" | cut -d' ' -f1 | sort -u >excepted.txt
verdict=0
if new=$(comm -23 failed.txt excepted.txt) && [[ -n $new ]]; then
    printf 'fails, and is no exception in %s:\n%s\n' "${exceptions#"$root"/}" "$new" >&2
    verdict=1
fi
# With arguments only a part was played.
if [[ $# -eq 0 ]] && mended=$(comm -13 failed.txt excepted.txt) && [[ -n $mended ]]; then
    printf 'passes, and is still an exception in %s:\n%s\n' "${exceptions#"$root"/}" "$mended" >&2
    verdict=1
fi
exit $verdict
