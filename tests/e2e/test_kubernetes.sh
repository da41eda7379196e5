#!/bin/sh
# examples/kubernetes: the fields that must fit together, and the script of the container with a command in headsift's
# place. Whether a cluster takes the file is not seen here.
set -eu

yaml=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)/../../examples/kubernetes/score-job.yaml
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
cd "$folder"

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# value KEY: of the line "KEY: VALUE", without a comment and quotes.
value() { sed -n "s/^ *\(- \)\{0,1\}$1: *//p" "$yaml" | sed 's/ *#.*//; s/^"\(.*\)"$/\1/' | head -n 1; }

# expect KEY VALUE
expect() { [ "$(value "$1")" = "$2" ] || fail "$1 is '$(value "$1")', not '$2'"; }

fields_fit_together() {
    ! grep -q "$(printf '\t')" "$yaml" || fail "a tab"
    expect completionMode Indexed
    expect restartPolicy Never # podFailurePolicy asks for it
    expect accessModes '[ReadWriteMany]'
    world=$(awk '/name: HEADSIFT_WORLD/ { getline; print $2 }' "$yaml" | tr -d '"')
    expect completions "$world"
    [ "$(value parallelism)" -le "$world" ] || fail "parallelism is more than completions"
    [ "$(value terminationGracePeriodSeconds)" -ge 60 ] || fail "no time to finish a batch"
    [ "$(grep -c 'claimName: headsift-data$\|name: headsift-data$' "$yaml")" = 2 ] || fail "another claim is mounted"
    rules=$(awk '/action:/ { action = $3 } /values:/ { print action, $2 $3 }
        /DisruptionTarget/ { print action, $3 }' "$yaml")
    [ "$rules" = "FailJob [2,5]
Ignore [4]
Ignore DisruptionTarget" ] || fail "rules: $rules"
}

# The block behind "- |", without its indentation.
take_script() {
    awk '/^ *- \|$/ { inside = 1; next }
        inside && !indent { match($0, /^ */); indent = RLENGTH }
        inside && match($0, /^ */) && RLENGTH < indent { exit }
        inside { print substr($0, indent + 1) }' "$yaml" >script
    grep -q headsift script || fail "no script found"
}

put_command() {
    mkdir bin
    cat >bin/headsift <<'END'
#!/bin/sh
trap 'exit 4' TERM
echo "$*" >said
while [ -e wait ]; do sleep 0.1; done
exit $CODE
END
    chmod +x bin/headsift
    PATH=$folder/bin:$PATH
}

codes_and_signals_pass() {
    for code in 0 1 2 3 4 5; do
        CODE=$code sh -c "$(cat script)" score -m 'a  b' && got=0 || got=$?
        [ "$got" = "$([ $code = 3 ] && echo 0 || echo $code)" ] || fail "exit code $code becomes $got"
        [ "$(cat said)" = "score -m a  b" ] || fail "called with: $(cat said)"
    done
    touch wait
    rm said
    CODE=0 sh -c "$(cat script)" score &
    pid=$!
    while [ ! -s said ]; do sleep 0.1; done
    kill $pid
    wait $pid && got=0 || got=$?
    [ $got = 4 ] || fail "TERM: exit code $got"
}

fields_fit_together
take_script
put_command
codes_and_signals_pass
echo "passed"
