#!/bin/sh
# One machine, N processes of one command, each with its own cores and its own share of the work.
# usage: sh parallel.sh [-l FOLDER] N COMMAND [ARGUMENT...]      -l: where stderr of each goes (default: headsift-logs)
#   sh parallel.sh 4 headsift score -m model.gguf --heads heads.json -o scores corpus/
# Process i has HEADSIFT_RANK=i and HEADSIFT_WORLD=N (where these are set already, it is cut out of that share), and as
# many threads as cores. TERM, HUP and USR1 are passed on; so is INT, and a second INT ends everything at once. The exit
# code is the worst one; each process's own stands on stderr.
set -eu

usage() {
    echo "usage: sh parallel.sh [-l FOLDER] N COMMAND [ARGUMENT...]" >&2
    exit 2
}

main() {
    logs=headsift-logs
    [ "${1-}" != -l ] || {
        [ $# -gt 1 ] || usage
        logs=$2
        shift 2
    }
    [ $# -gt 1 ] || usage
    n=$1
    shift
    case $n in '' | *[!0-9]* | 0*) usage ;; esac
    mkdir -p "$logs"
    cores=$(list_cores)
    pids=
    trap 'pass_on TERM' TERM HUP
    trap 'pass_on USR1' USR1
    trap 'interrupt' INT
    i=0
    while [ $i -lt "$n" ] && [ -z "${stopping-}" ]; do
        start $i "$@"
        pids="$pids $!"
        i=$((i + 1))
    done
    wait_for_all
    exit $worst
}

# The CPUs that this process may use, one a line, neighbours together: by node, socket and core, one of each core.
list_cores() {
    allowed=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status 2>/dev/null)
    [ -n "$allowed" ] || allowed=0-$(($(getconf _NPROCESSORS_ONLN) - 1))
    { lscpu -p=CPU,NODE,SOCKET,CORE 2>/dev/null || true; } | grep -v '^#' |
        sort -t , -k 2,2n -k 3,3n -k 4,4n -k 1,1n | awk -F , -v allowed="$allowed" '
        function is_allowed(cpu,    i) {
            for (i = 1; i <= n; i++) if (cpu >= low[i] && cpu <= high[i]) return 1
            return 0
        }
        BEGIN {
            n = split(allowed, parts, ",")
            for (i = 1; i <= n; i++) {
                m = split(parts[i], ends, "-")
                low[i] = ends[1] + 0
                high[i] = ends[m] + 0
            }
        }
        is_allowed($1 + 0) { any = 1; if (!seen[$3 "," $4]++) print $1 }
        END { if (!any) for (i = 1; i <= n; i++) for (cpu = low[i]; cpu <= high[i]; cpu++) print cpu }'
}

# share_of I: its CPUs as "0,1,2", neighbours; with fewer cores than processes some share one.
share_of() {
    echo "$cores" | awk -v i="$1" -v n="$n" '
        { cpu[NR - 1] = $1 }
        END {
            first = int(NR * i / n)
            end = int(NR * (i + 1) / n)
            if (end == first) end = first + 1
            for (c = first; c < end; c++) printf "%s%s", (c == first ? "" : ","), cpu[c]
        }'
}

# start I COMMAND [ARGUMENT...]: in the background, its process id in $!.
start() {
    i=$1
    shift
    share=$(share_of "$i")
    if command -v taskset >/dev/null; then
        set -- taskset -c "$share" "$@"
    elif command -v numactl >/dev/null; then
        set -- numactl --physcpubind="$share" --localalloc "$@"
    fi
    (
        export HEADSIFT_RANK=$((${HEADSIFT_RANK:-0} * n + i)) HEADSIFT_WORLD=$((${HEADSIFT_WORLD:-1} * n))
        threads=$(echo "$share" | tr , '\n' | wc -l)
        export HEADSIFT_THREADS="${HEADSIFT_THREADS:-$threads}" OMP_NUM_THREADS="${OMP_NUM_THREADS:-$threads}"
        export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}"
        exec "$@" 2>"$logs/rank-$i.log"
    ) &
}

pass_on() {
    stopping=yes
    for pid in $pids; do
        kill -s "$1" "$pid" 2>/dev/null || true
    done
}

# A terminal sends INT to the processes, too: one more INT from here would be their second. TERM says the same once.
interrupt() {
    [ -z "${interrupted-}" ] || {
        pass_on KILL
        exit 130
    }
    interrupted=yes
    pass_on TERM
}

# Sets $worst: of 0 < 3 (some documents have no score) < 4 (stopped, goes on) < 5 (no space) < 1 < 2 < the rest.
wait_for_all() {
    worst=0
    i=0
    for pid in $pids; do
        wait_for "$pid"
        if [ $code != 0 ]; then
            echo "parallel.sh: process $i: exit code $code: $(tail -n 1 "$logs/rank-$i.log")" >&2
        fi
        [ "$(severity $code)" -le "$(severity $worst)" ] || worst=$code
        i=$((i + 1))
    done
}

# A signal ends `wait` before the process has ended.
wait_for() {
    while :; do
        wait "$1" && code=0 || code=$?
        kill -0 "$1" 2>/dev/null || break
    done
}

severity() {
    case $1 in
    0) echo 0 ;;
    3) echo 1 ;;
    4) echo 2 ;;
    5) echo 3 ;;
    1) echo 4 ;;
    2) echo 5 ;;
    *) echo $((6 + $1)) ;;
    esac
}

main "$@"
