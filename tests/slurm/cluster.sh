# A Slurm of three nodes on this machine, in a folder and on ports of its own: sourced by the tests here.
# cluster_start FOLDER; then sbatch and the like find it by $SLURM_CONF; cluster_stop ends every daemon it started.

cluster_nodes='n1 n2 n3'

# cluster_start FOLDER: an absolute path; the folder must be there. Returns 1 with a line on stderr.
cluster_start() {
    cluster=$1
    export SLURM_CONF="$cluster/slurm.conf"
    PATH=$PATH:/usr/sbin:/sbin
    cluster_munge || return 1
    cluster_configure || return 1
    slurmctld -c >"$cluster/slurmctld.out" 2>&1 || {
        cluster_fail "slurmctld did not start" "$cluster/slurmctld.out" "$cluster/slurmctld.log"
        return 1
    }
    for node in $cluster_nodes; do
        cluster_node_start $node || return 1
    done
    cluster_wait 60 'cluster_idle' || {
        cluster_fail "the nodes did not come up" "$cluster"/*.log
        return 1
    }
}

cluster_node_start() {
    slurmd -N "$1" >"$cluster/$1.out" 2>&1 || {
        cluster_fail "slurmd of $1 did not start" "$cluster/$1.out" "$cluster/d-$1.log"
        return 1
    }
}

# Ends what was started here: the daemons by their pid files, then jobs that outlived theirs, known by $SLURM_CONF in
# their environment. Safe to call at any time, and twice.
cluster_stop() {
    cluster_pids=
    for cluster_file in "$cluster"/d-*.pid "$cluster/slurmctld.pid" "$cluster/munged.pid"; do
        if [ -s "$cluster_file" ] && cluster_owns "$(cat "$cluster_file")"; then
            cluster_pids="$cluster_pids $(cat "$cluster_file")"
        fi
    done
    [ -z "$cluster_pids" ] || kill $cluster_pids 2>/dev/null || true
    cluster_wait 10 'cluster_gone $cluster_pids' || true
    for cluster_file in /proc/[0-9]*; do
        cluster_pid=${cluster_file#/proc/}
        if [ "$cluster_pid" != $$ ] && cluster_owns "$cluster_pid"; then
            kill -9 "$cluster_pid" 2>/dev/null || true
        fi
    done
}

# A process id may have been given to another process since it was written down.
cluster_owns() { tr '\0' '\n' 2>/dev/null <"/proc/$1/environ" | grep -qxF "SLURM_CONF=$cluster/slurm.conf"; }

cluster_gone() {
    for cluster_pid; do
        ! kill -0 "$cluster_pid" 2>/dev/null || return 1
    done
}

# Stops the cluster when this shell is gone without having done so: killed, or out of time.
cluster_guard() {
    (setsid sh -c '. "$1"; cluster=$2; while kill -0 "$3"; do sleep 1; done; cluster_stop; rm -rf "$2"' guard \
        "$1" "$cluster" $$ </dev/null >/dev/null 2>&1 &)
}

# cluster_wait SECONDS CONDITION: asks four times a second.
cluster_wait() {
    cluster_end=$(($(date +%s) + $1))
    while ! eval "$2"; do
        [ "$(date +%s)" -lt $cluster_end ] || return 1
        sleep 0.25
    done
}

cluster_idle() { [ "$(timeout 5 sinfo -h -N -o '%T' | grep -c '^idle$')" = 3 ]; }

# cluster_fail MESSAGE FILE...: what went wrong, and the ends of the logs.
cluster_fail() {
    echo "cluster: $1" >&2
    shift
    for cluster_file; do
        echo "--- ${cluster_file##*/}" >&2
        tail -n 20 "$cluster_file" >&2 || true
    done
}

# Uses the munged of the machine where there is one, else starts one with a key and a socket of its own.
cluster_munge() {
    cluster_socket=/run/munge/munge.socket.2
    if munge -n -S $cluster_socket </dev/null >/dev/null 2>&1; then
        return 0
    fi
    cluster_socket=$cluster/munge.socket
    head -c 1024 /dev/urandom >"$cluster/munge.key"
    chmod 600 "$cluster/munge.key"
    munged --key-file="$cluster/munge.key" --socket="$cluster_socket" --pid-file="$cluster/munged.pid" \
        --log-file="$cluster/munged.log" --seed-file="$cluster/munged.seed" >"$cluster/munged.out" 2>&1 &&
        cluster_wait 10 'munge -n -S "$cluster_socket" </dev/null >/dev/null 2>&1' || {
        cluster_fail "munged did not start" "$cluster/munged.out" "$cluster/munged.log"
        return 1
    }
}

# Sets $cluster_port: this and the three after it are listened on by nobody.
cluster_choose_ports() {
    cluster_port=$((20000 + $$ % 10000))
    while cluster_listening; do
        cluster_port=$((cluster_port + 4))
        [ $cluster_port -lt 32000 ] || return 1
    done
}

cluster_listening() {
    for cluster_offset in 0 1 2 3; do
        cluster_hex=$(printf ':%04X' $((cluster_port + cluster_offset)))
        if cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v port="$cluster_hex" '$4 == "0A" &&
            substr($2, length($2) - 4) == port { found = 1 } END { exit !found }'; then
            return 0
        fi
    done
    return 1
}

# A killed slurmd is missed after SlurmdTimeout; a requeued task may start cred_expire later.
cluster_configure() {
    cluster_choose_ports || {
        cluster_fail "there are no four free ports"
        return 1
    }
    user=$(id -un)
    mkdir -p "$cluster/state"
    cat >"$SLURM_CONF" <<END
ClusterName=headsift
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$cluster_port
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$cluster_socket,cred_expire=5
StateSaveLocation=$cluster/state
SlurmdSpoolDir=$cluster/spool-%n
SlurmctldPidFile=$cluster/slurmctld.pid
SlurmdPidFile=$cluster/d-%n.pid
SlurmctldLogFile=$cluster/slurmctld.log
SlurmdLogFile=$cluster/d-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=2,sched_min_interval=200000,bf_interval=2
MpiDefault=none
ReturnToService=2
SlurmdTimeout=10
MessageTimeout=4
KillWait=5
MinJobAge=3600
MaxArraySize=${cluster_array_size:-1001}
JobRequeue=1
END
    case $(slurmctld -V) in # newer ones want control groups of their own, which a container may not make
    *' 2'[0-3].*) ;;
    *) echo 'CgroupPlugin=disabled' >"$cluster/cgroup.conf" ;;
    esac
    for node in $cluster_nodes; do
        mkdir -p "$cluster/spool-$node"
        cluster_port=$((cluster_port + 1))
        echo "NodeName=$node NodeHostname=localhost NodeAddr=127.0.0.1 Port=$cluster_port CPUs=2 State=UNKNOWN" \
            >>"$SLURM_CONF"
    done
    echo 'PartitionName=p Nodes=ALL Default=YES MaxTime=INFINITE State=UP' >>"$SLURM_CONF"
}
