#!/bin/sh
# What `headsift select` needs for many score rows: time, peak memory of the process, room for its temporary files.
#   sh bench/select_scale.sh SCRATCH [ROWS [MEMORY [DOCUMENTS]]]      (100000000 rows, 4GiB, 600000 documents)
# First the choice alone (--dry-run; 3 GB a 100 million rows in SCRATCH; ROWS 0 leaves it out); then, from documents
# made of the example corpus, with the documents joined back: as Parquet, with the rejected ones, as JSON lines, and
# dolma's attributes.
set -eu
[ $# -ge 1 ] || { echo "usage: sh bench/select_scale.sh SCRATCH [ROWS [MEMORY [DOCUMENTS]]]" >&2; exit 2; }
scratch=$1
rows=${2:-100000000}
memory=${3:-4GiB}
documents=${4:-600000}
build=${HEADSIFT_BUILD:-build/release}
corpus=${XDG_CACHE_HOME:-$HOME/.cache}/headsift/corpus/corpus.parquet
mkdir -p "$scratch"

# Runs a selection, and looks at it ten times a second.
measure() {
    name=$1
    shift
    start=$(date +%s.%N)
    "$build/cli/headsift" select "$@" --memory "$memory" --temp-dir "$scratch/temp" -q &
    process=$!
    peak=0 room=0 ticks=0
    while status=$(cat "/proc/$process/status" 2>/dev/null) && seen=$(echo "$status" | sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p') &&
        [ -n "$seen" ]; do
        peak=$seen
        now=$(du -sk "$scratch/temp" 2>/dev/null | cut -f1) || now=0
        [ "${now:-0}" -le "$room" ] || room=$now
        cpu=$(cut -d' ' -f14,15 "/proc/$process/stat" 2>/dev/null | tr ' ' '+') || cpu=
        [ -z "$cpu" ] || ticks=$(($cpu))
        sleep 0.1
    done
    wait "$process"
    end=$(date +%s.%N)
    echo "$name $start $end $ticks $peak $room" | awk -v hz="$(getconf CLK_TCK)" \
        '{ printf "%-24s %7.1f s  %7.1f s of CPU  peak %5.0f MiB  temporary files %5.0f MiB\n", $1, $3 - $2, $4 / hz, $5 / 1024, $6 / 1024 }'
}

if [ "$rows" -gt 0 ]; then
    echo "choosing from $rows rows, --memory $memory"
    [ -d "$scratch/scores" ] || "$build/bench/headsift-make-scores" "$scratch/scores" "$rows" 10000 100
    measure top-20% "$scratch/scores" -o "$scratch/none" --dry-run
    measure budget-total "$scratch/scores" -o "$scratch/none" --dry-run --budget-total 40000000000
    measure middle "$scratch/scores" -o "$scratch/none" --dry-run --order middle
    measure temperature "$scratch/scores" -o "$scratch/none" --dry-run --temperature 2
fi

echo "$documents documents, 20 % chosen, documents joined back"
[ -d "$scratch/some" ] || "$build/bench/headsift-make-scores" "$scratch/some" "$documents" 10000 15 "$corpus" "$scratch/documents"
du -sm "$scratch/documents" | awk '{ print $1 " MiB of Parquet (zstd)" }'
measure choice-alone "$scratch/some" -o "$scratch/none" --root "$scratch/documents" --dry-run
measure parquet "$scratch/some" -o "$scratch/out-parquet" --root "$scratch/documents" --overwrite
measure parquet+rejected "$scratch/some" -o "$scratch/out-both" --rejected "$scratch/out-rest" --root "$scratch/documents" --overwrite
measure jsonl "$scratch/some" -o "$scratch/out-jsonl" --root "$scratch/documents" --output-format jsonl --overwrite
measure dolma "$scratch/some" -o "$scratch/out-dolma" --root "$scratch/documents" --output-format dolma --overwrite
