#!/bin/sh
# WORLD tasks in as many arrays as the cluster's MaxArraySize asks for.
# usage: sh submit.sh WORLD [SBATCH_OPTION...] SCRIPT [ARGUMENT...]
#   sh submit.sh 5000 score.sbatch -m model.gguf --heads heads.json -o scores corpus/
# Task i of an array is rank RANK_OFFSET + i of HEADSIFT_WORLD; score.sbatch puts that together.
set -eu

world=${1-}
case $world in '' | *[!0-9]* | 0*) world= ;; esac
if [ -z "$world" ] || [ $# -lt 2 ]; then
    echo "usage: sh submit.sh WORLD [SBATCH_OPTION...] SCRIPT [ARGUMENT...]" >&2
    exit 2
fi
shift

most=$(scontrol show config | awk '$1 == "MaxArraySize" { print $3 }')
[ "${most:-0}" -gt 0 ] || {
    echo "submit.sh: scontrol show config names no MaxArraySize; is this a machine of the cluster?" >&2
    exit 1
}
offset=0
while [ $offset -lt "$world" ]; do
    n=$((world - offset))
    [ $n -le "$most" ] || n=$most
    sbatch --array=0-$((n - 1)) --export=ALL,HEADSIFT_WORLD="$world",RANK_OFFSET=$offset "$@"
    offset=$((offset + n))
done
