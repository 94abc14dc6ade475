#!/bin/sh
# Runs the fuzz targets longer than `cargo test` does.
#
#   scripts/fuzz.sh [MINUTES] [TARGET]
#
# MINUTES  how long each target runs, default 5; a whole number
# TARGET   file name in fuzz/tests without .rs, for example whole_message; default: all, one after the other
#
# It uses the random engine of bolero on stable Rust (no nightly, no cargo-bolero) and the dev profile,
# whose overflow checks find more than speed would. A failure prints BOLERO_RANDOM_SEED=...; with that
# variable set, `cargo test -p edgebind-fuzz` repeats the input first.
set -eu

minutes=${1:-5}
target=${2:-}

case $minutes in
    '' | *[!0-9]* | 0*)
        echo "usage: $0 [MINUTES] [TARGET]; MINUTES is a whole number above 0, not '$minutes'" >&2
        exit 2
        ;;
esac

cd "$(dirname "$0")/.."
if [ -n "$target" ] && [ ! -f "fuzz/tests/$target.rs" ]; then
    echo "there is no target '$target'; there are:" >&2
    for file in fuzz/tests/*.rs; do
        basename "$file" .rs >&2
    done
    exit 2
fi

# The targets set a small number of iterations; the variables win over it, and the time ends the run.
export BOLERO_RANDOM_TEST_TIME_MS=$((minutes * 60000))
export BOLERO_RANDOM_ITERATIONS=1000000000000

failed=
for file in fuzz/tests/*.rs; do
    name=$(basename "$file" .rs)
    if [ -z "$target" ] || [ "$target" = "$name" ]; then
        echo "== $name, $minutes min"
        cargo test --locked -p edgebind-fuzz --test "$name" -- --nocapture || failed="$failed $name"
    fi
done

if [ -n "$failed" ]; then
    echo "failed:$failed" >&2
    exit 1
fi
