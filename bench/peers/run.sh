#!/bin/sh
# headsift against transformers and OpenVINO: tokens a second of a base+masked pair, side by side in one run.
# usage: sh bench/peers/run.sh [-m MODEL --heads heads.json] [--length 1024] [--rounds 5] [--logs DIR] ...   (--help)
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
tree=$(CDPATH='' cd -- "$here/../.." && pwd)
work=$tree/build/peers

mkdir -p "$work"
if ! cmp -s "$here/requirements.txt" "$work/venv/requirements.txt"; then
    echo "run.sh: making $work/venv" >&2
    python3 -m venv --clear "$work/venv"
    "$work/venv/bin/pip" install --quiet -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$work/venv/"
fi
(cd "$tree" && cmake --preset release && cmake --build --preset release --target headsift export_hf) >"$work/build.log" 2>&1 || {
    echo "run.sh: the build failed: see $work/build.log" >&2
    exit 1
}
exec "$work/venv/bin/python" "$here/peers.py" "$@"
