#!/bin/sh
# examples/parallel.sh: what each process is told, the worst exit code, signals passed on; and four processes of headsift
# whose rows are those of one.
# usage: sh test_parallel.sh HEADSIFT RANKS_SCENE
set -eu

headsift=$1
scene=$2
parallel=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)/../../examples/parallel.sh
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
cd "$folder"

main() {
    write_command
    wrong_usage_is_refused
    each_process_has_its_share
    cores_are_shared_out
    the_worst_code_is_the_answer
    signals_are_passed_on TERM USR1 HUP INT
    a_second_interrupt_ends_it
    four_processes_give_the_rows_of_one
    echo "passed"
}

fail() {
    echo "FAILED: $*" >&2
    for log in headsift-logs/*; do
        sed "s,^,$log: ," "$log" >&2
    done
    exit 1
}

# code_of COMMAND...: its exit code in $code, stderr in the file err.
code_of() { "$@" 2>err && code=0 || code=$?; }

# Notes what it is told in said-RANK; waits where the file "wait" is there; ends with code-RANK's content.
write_command() {
    cat >command <<'END'
#!/bin/sh
trap 'echo TERM >got-$HEADSIFT_RANK; exit 4' TERM
trap 'echo USR1 >got-$HEADSIFT_RANK; exit 4' USR1
cpus=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
echo "$HEADSIFT_RANK of $HEADSIFT_WORLD, $HEADSIFT_THREADS $OMP_NUM_THREADS threads, $OMP_WAIT_POLICY, $*, $cpus" \
    >said-$HEADSIFT_RANK
while [ -e wait ]; do sleep 0.1; done
echo "last words of $HEADSIFT_RANK" >&2
exit $(cat code-$HEADSIFT_RANK 2>/dev/null || echo 0)
END
}

said() {
    grep -qF "$2" "said-$1" || fail "process $1 was told: $(cat "said-$1"), not: $2"
}

wrong_usage_is_refused() {
    for arguments in '' 4 '0 sh command' '-4 sh command' 'x sh command' -l '-l logs'; do
        code_of sh "$parallel" $arguments
        [ $code = 2 ] && grep -q usage err || fail "'$arguments' is taken"
    done
}

each_process_has_its_share() {
    code_of sh "$parallel" 4 sh command 'a  b' c
    [ $code = 0 ] || fail "exit code $code"
    for rank in 0 1 2 3; do
        said $rank "$rank of 4, "
        said $rank ', passive, a  b c, '
    done
    code_of env HEADSIFT_RANK=2 HEADSIFT_WORLD=3 OMP_NUM_THREADS=7 sh "$parallel" -l elsewhere 2 sh command
    said 4 '4 of 6, '
    said 5 '5 of 6, '
    said 5 ' 7 threads'
    [ -e elsewhere/rank-1.log ] || fail "no log elsewhere"
}

# Two processes on two cores or more stand on other CPUs each, as many as they have threads.
cores_are_shared_out() {
    [ "$(nproc)" -ge 2 ] && command -v taskset >/dev/null || return 0
    sh "$parallel" 2 sh command
    [ "${OMP_NUM_THREADS-}" ] || said 0 "$(threads_of 0) $(threads_of 0) threads"
    for cpu in $(cpus_of 0); do
        ! cpus_of 1 | grep -qx "$cpu" || fail "both on CPU $cpu"
    done
    one=$(cpus_of 1 | head -n 1)
    taskset -c "$one" sh "$parallel" 2 sh command
    [ "$(cpus_of 0) $(cpus_of 1)" = "$one $one" ] || fail "left the CPU it was given"
}

# "..., 0-2,5" as a CPU a line.
cpus_of() {
    sed 's/.*, //; s/^.* //' "said-$1" | tr , '\n' | awk -F - '{ for (cpu = $1; cpu <= $NF; cpu++) print cpu }'
}

threads_of() { cpus_of "$1" | wc -l; }

the_worst_code_is_the_answer() {
    while read -r a b c worst; do
        echo "$a" >code-0
        echo "$b" >code-1
        echo "$c" >code-2
        code_of sh "$parallel" 3 sh command
        [ $code = "$worst" ] || fail "$a, $b and $c come to $code"
        [ "$a" = 0 ] || grep -q "process 0: exit code $a: last words of 0" err || fail "not told of $a: $(cat err)"
    done <<'END'
0 0 0 0
0 3 0 3
3 4 0 4
4 5 3 5
5 1 4 1
1 2 5 2
2 137 1 137
END
    rm code-*
}

# start_waiting: three processes that wait, once all have their traps set.
start_waiting() {
    touch wait
    rm -f said-* got-*
    env --default-signal=INT sh "$parallel" 3 sh command 2>err & # what runs in the background ignores INT
    pid=$!
    wait_for said-0
    wait_for said-1
    wait_for said-2
}

# A file that is there and not empty, half a minute at most.
wait_for() {
    for try in $(seq 300); do
        [ ! -s "$1" ] || return 0
        sleep 0.1
    done
    fail "waited in vain for $1"
}

signals_are_passed_on() {
    for signal; do
        start_waiting
        kill -s "$signal" $pid
        wait $pid && code=0 || code=$?
        [ $code = 4 ] || fail "$signal: exit code $code"
        case $signal in USR1) wanted=USR1 ;; *) wanted=TERM ;; esac
        [ "$(cat got-0 got-1 got-2 | sort -u)" = $wanted ] || fail "$signal: not passed on"
    done
    rm wait
}

a_second_interrupt_ends_it() {
    rm -f said-* got-*
    env --default-signal=INT sh "$parallel" 1 sh -c 'trap "echo >got-0" TERM; echo >said-0; while :; do sleep 0.1; done' \
        2>err &
    pid=$!
    wait_for said-0
    kill -s INT $pid
    wait_for got-0
    kill -s INT $pid
    wait $pid && code=0 || code=$?
    [ $code = 130 ] || fail "a second INT: exit code $code"
}

four_processes_give_the_rows_of_one() {
    "$scene" write scene 200
    flags="-m scene/model --heads scene/heads.json --dtype f32 --unit-size 50KB -j 1"
    code_of "$headsift" score -q $flags -o one scene/corpus
    [ $code = 3 ] || fail "one process: exit code $code: $(cat err)"
    code_of sh "$parallel" 4 "$headsift" score $flags -o four scene/corpus
    [ $code = 3 ] || fail "four processes: exit code $code: $(cat err)"
    "$scene" check four one || fail "other rows than one process gave"
}

main
