#!/usr/bin/env bash
# Holds the gateway to the recorded behaviour of the original: builds it, plays tests/data/ems-conformance against it
# and compares what fails with tests/ems-conformance-exceptions.txt. Fails on any other failure, and on an exception that
# passes by now, each twice. Takes about two minutes; arguments go to the runner (--only REGEX, --verbose, --keep).
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

# Plays the cases of which the names match; the result is a file.
play() {
    local result=$1
    shift
    python3 "$root/tests/data/ems-conformance/runner.py" \
        --gateway-cmd "$binary run -cfg {config}" "$@" | tee "$result" || true
    tail -n 1 "$result" | grep -Eq '^[0-9]+ passed, [0-9]+ failed' || {
        echo "the conformance suite did not come to an end" >&2
        exit 1
    }
}
failed() {
    grep -oE '^FAIL [^ ]+' "$1" | cut -d' ' -f2 | sort -u || true
}

play result.txt "$@"
failed result.txt >failed.txt
grep -vE '^(#|$)' "$exceptions" | cut -d' ' -f1 | sort -u >excepted.txt
comm -23 failed.txt excepted.txt >new.txt

# With arguments only a part was played.
if [[ $# -eq 0 ]]; then
    comm -13 failed.txt excepted.txt >mended.txt
else
    : >mended.txt
fi

# The cases look at the wire for tenths of a second, and the runner shares the cores with the gateway: on a busy machine it
# sees two messages too late or in another order. So what is not as expected is played once more, by itself.
if [[ -s new.txt || -s mended.txt ]]; then
    printf '\n=== played once more: %s\n' "$(sort new.txt mended.txt | paste -sd' ')"
    play again.txt --only "^($(sort new.txt mended.txt | paste -sd'|'))\$"
    failed again.txt >failed-again.txt
    comm -12 new.txt failed-again.txt >new-again.txt
    comm -23 mended.txt failed-again.txt >mended-again.txt
    mv new-again.txt new.txt
    mv mended-again.txt mended.txt
fi

printf '\n=== verdict\n'
tail -n 1 result.txt
verdict=0
if [[ -s new.txt ]]; then
    printf 'fails, and is no exception in %s:\n%s\n' "${exceptions#"$root"/}" "$(<new.txt)"
    verdict=1
fi
if [[ -s mended.txt ]]; then
    printf 'passes, and is still an exception in %s:\n%s\n' "${exceptions#"$root"/}" "$(<mended.txt)"
    verdict=1
fi
exit $verdict
