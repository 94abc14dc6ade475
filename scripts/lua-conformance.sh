#!/usr/bin/env bash
# Holds the script resource to the recorded behaviour of the original: builds it and plays tests/data/lua-conformance
# against it. Fails on any difference but those that the recording marks as accidents of the original ("quirk"); which of
# those differ is compared with tests/lua-conformance-quirks.txt, so that docs/deviations.md stays complete. Takes about two minutes; arguments go
# to the runner (--only REGEX, --log FILE, --keep).
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
export XDG_STATE_HOME=$folder/state
unset STATE_DIRECTORY
quirks=$root/tests/lua-conformance-quirks.txt

verdict=0
python3 "$root/tests/data/lua-conformance/runner.py" --lsr-cmd "$binary lsr" \
    --etc "$root/tests/data/lua-conformance/etc" "$@" | tee result.txt || verdict=1
tail -n 1 result.txt | grep -Eq '^[0-9]+ of [0-9]+ steps equal' || {
    echo "the conformance suite did not come to an end" >&2
    exit 1
}
grep -E '^QUIRK ' result.txt | sed -E 's/^QUIRK //; s/ \(.*\)$//' | sort -u >differ.txt || true
grep -vE '^(#|$)' "$quirks" | sort -u >known.txt || true
if new=$(comm -23 differ.txt known.txt) && [[ -n $new ]]; then
    printf 'differs, and is not in %s:\n%s\n' "${quirks#"$root"/}" "$new" >&2
    verdict=1
fi
# With arguments only a part was played.
if [[ $# -eq 0 ]] && mended=$(comm -13 differ.txt known.txt) && [[ -n $mended ]]; then
    printf 'is equal by now, and still in %s:\n%s\n' "${quirks#"$root"/}" "$mended" >&2
    verdict=1
fi
exit $verdict
