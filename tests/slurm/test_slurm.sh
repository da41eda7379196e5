#!/bin/sh
# headsift score on a real Slurm, by the scripts of examples/slurm: an array of 12 tasks on three nodes, of which one is
# cancelled and run again, one nears its time limit, and one's node daemon is killed; then more tasks than an array may
# have, and tasks of srun inside an array. The rows must be those of one process, each once.
# usage: sh test_slurm.sh HEADSIFT RANKS_SCENE          77: there is no Slurm here
set -eu

headsift=$1
scene=$2
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
examples=$here/../../examples/slurm
. "$here/cluster.sh"
cluster_array_size=12
PATH=$PATH:/usr/sbin:/sbin
command -v slurmctld >/dev/null || {
    echo "skipped: slurmctld is not installed (sh scripts/setup.sh tests)"
    exit 77
}

main() {
    cluster=$(mktemp -d)
    chmod 711 "$cluster" # munged asks for it
    trap finish EXIT
    trap 'exit 1' INT TERM HUP
    cluster_guard "$here/cluster.sh"
    cd "$cluster"
    write_command
    "$scene" write scene 600
    flags="-m scene/model --heads scene/heads.json --dtype f32 --unit-size 30KB"
    small=scene/corpus/b.jsonl.zst
    alone wanted scene/corpus
    alone small $small
    cluster_start "$cluster" || fail "no Slurm"
    run_array
    rerun_cancelled
    expect_whole scores wanted
    run_more_than_an_array
    run_tasks_of_srun
    say "passed"
}

finish() {
    code=$?
    trap - EXIT
    [ $code = 0 ] || show_logs
    cluster_stop
    cd /
    rm -rf "$cluster"
    exit $code
}

say() { echo "$(date +%T) $*"; }

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

show_logs() {
    timeout 5 squeue -a >&2 2>/dev/null || true
    for log in "$cluster"/*.log; do
        echo "--- ${log##*/}" >&2
        tail -n 15 "$log" >&2 || true
    done
}

# bin/headsift notes its process id. A task with a file hold-TASK stands still once, as soon as it has a unit in work.
write_command() {
    mkdir bin
    cat >bin/headsift <<END
#!/bin/sh
cd '$cluster'
echo \$\$ >"pid-\${SLURM_ARRAY_TASK_ID-}"
if rm "hold-\${SLURM_ARRAY_TASK_ID-}" 2>/dev/null; then
    {
        until ls scores/_running/*-\$\$.rows || ! kill -0 \$\$; do sleep 0.02; done
        kill -s STOP \$\$ && touch "held-\$SLURM_ARRAY_TASK_ID"
    } >/dev/null 2>&1 &
fi
exec '$headsift' "\$@"
END
    chmod +x bin/headsift
    PATH=$cluster/bin:$PATH
}

# alone FOLDER INPUT: one process does all of it; 3: some documents have no score.
alone() {
    "$headsift" score -q -j 1 $flags -o "$1" "$2" 2>"$1.log" && code=0 || code=$?
    [ $code = 3 ] || fail "one process: exit code $code: $(cat "$1.log")"
}

submit() { sbatch --parsable --cpus-per-task=1 "$@"; }

# wait_until SECONDS WHAT CONDITION
wait_until() {
    cluster_wait "$1" "$3" || fail "waited $1 s in vain for $2"
    say "$2"
}

state() { scontrol -o show job "$1" | tr ' ' '\n' | sed -n "s/^$2=//p"; }

run_array() {
    touch hold-1 hold-7 hold-11
    array=$(submit --hold --array=0-11 "$examples/score.sbatch" $flags -o scores scene/corpus)
    scontrol release "${array}_[0-10]"
    wait_until 60 "task 1 in work" '[ -e held-1 ]'
    scancel "${array}_1"
    kill_node_of_7
    near_the_limit_of_11
    wait_until 240 "the end of the array" '[ -z "$(squeue -h -j "$array")" ]'
    wait_until 60 "the end of the hung task" '! kill -0 "$orphan" 2>/dev/null'
    [ "$(state "${array}_1" JobState)" = CANCELLED ] || fail "task 1 is $(state "${array}_1" JobState)"
    for task in 0 2 3 4 5 6 7 8 9 10 11; do
        [ "$(state "${array}_$task" JobState)" = COMPLETED ] || fail "task $task is $(state "${array}_$task" JobState)"
    done
    [ "$(state "${array}_7" Restarts)" -ge 1 ] || fail "task 7 was not requeued after its node died"
    [ "$(state "${array}_11" Restarts)" -ge 1 ] || fail "task 11 was not requeued at its time limit"
}

# A node that hangs: Slurm gives its task to another, and then it comes back and goes on with the same unit.
kill_node_of_7() {
    wait_until 60 "task 7 in work" '[ -e held-7 ]'
    orphan=$(cat pid-7)
    node=$(squeue -h -j "${array}_7" -o '%N')
    [ -s "d-$node.pid" ] || fail "task 7 runs on '$node'"
    kill -9 "$(cat "d-$node.pid")"
    wait_until 120 "task 7 on another node" '[ "$(cat pid-7)" != $orphan ]'
    kill -s CONT "$orphan"
    cluster_node_start "$node"
}

# The signal that Slurm sends before the time limit. Of the last task SLURM_JOB_ID is the whole array's: only it may go
# back into the queue, not the cancelled one and not those that are done.
near_the_limit_of_11() {
    scontrol release "${array}_11"
    wait_until 60 "task 11 in work" '[ -e held-11 ]'
    scancel --batch --signal=USR1 "${array}_11"
    kill -s CONT "$(cat pid-11)"
}

rerun_cancelled() {
    [ "$(parts scores)" -lt "$(parts wanted)" ] || fail "the cancelled task has left nothing to do"
    submit --wait --array=1 --export=ALL,HEADSIFT_WORLD=12 "$examples/score.sbatch" $flags -o scores scene/corpus \
        >resubmitted || fail "task 1 did not run again"
}

parts() { ls "$1" | grep -c '^part-.*[.]parquet$'; }

# expect_whole FOLDER WANTED: the rows of one process, the same bytes, and nothing beside them.
expect_whole() {
    "$scene" check "$1" "$2" || fail "$1: other rows than one process gave"
    for part in "$2"/part-*.parquet; do
        cmp "$part" "$1/${part##*/}" || fail "$1: other bytes than one process gave"
    done
    [ "$(parts "$1")" = "$(parts "$2")" ] || fail "$1 has $(parts "$1") parts, not $(parts "$2")"
    left=$(find "$1" -name '*.tmp*' -o -name '*.rows')
    [ -z "$left" ] || fail "$1: left behind: $left"
}

# 30 tasks where an array has at most 12, and more than there are units.
run_more_than_an_array() {
    sh "$examples/submit.sh" 30 --cpus-per-task=1 "$examples/score.sbatch" $flags -o more $small \
        >submitted
    [ "$(wc -l <submitted)" = 3 ] || fail "submit.sh made other arrays: $(cat submitted)"
    wait_until 240 "the end of 30 tasks" '[ -z "$(squeue -h)" ]'
    expect_whole more small
}

# Two tasks in each of the tasks 1, 3 and 5: six ranks.
run_tasks_of_srun() {
    submit --wait --array=1-5:2 --ntasks=2 --output=srun-%a.log \
        --wrap "srun headsift score -v -j 1 $flags -o srun $small" >>resubmitted ||
        true # 3: some have no score
    cat srun-*.log >srun.log
    for rank in 0 1 2 3 4 5; do
        grep -q "rank $rank of 6" srun.log || fail "there is no rank $rank of 6"
    done
    expect_whole srun small
}

main
