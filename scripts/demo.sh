#!/bin/sh
# The whole job on a small real model: set-up, build, example corpus, then `headsift run`: probe, heads, scores, selection,
# and a page about all of it.
# usage: sh scripts/demo.sh [FOLDER]      results: FOLDER (build/demo). Run again, it goes on where it stopped.
set -eu
. "$(dirname "$0")/common.sh"

out=${1:-$headsift_tree/build/demo}
samples=20
probe_tokens=1152

sh "$headsift_tree/scripts/setup.sh"
sh "$headsift_tree/scripts/example_corpus.sh"
say "building (release)"
cd "$headsift_tree"
cmake --preset release >/dev/null
cmake --build --preset release --target headsift >/dev/null || die "the build failed: see 'cmake --build --preset release'"

cat <<END

Model: SmolLM2-135M-Instruct (30 layers x 9 heads, Q4_1 weights turned into f32).
Documents: 198 of the example corpus's 900: novel and speeches, Python's library, GAP's manual (some 70,000 tokens).
Shortened so that it takes minutes on two cores; a real run leaves these at their defaults:
  --samples $samples           probe samples (default 800)
  --probe-tokens $probe_tokens    tokens of a sample, at most (default 4096)

END
# Threads that wait without spinning cost nothing here, and much less where others use the cores too.
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}"
status=0
set -x
build/release/cli/headsift run -m "$demo_model" -o "$out" --samples $samples --probe-tokens $probe_tokens \
    "$headsift_cache/corpus/demo.jsonl" || status=$?
{ set +x; } 2>/dev/null
[ $status != 0 ] || say "open this page in a browser: $out/report.html"
exit $status
