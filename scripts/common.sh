# Shared by the scripts here: where things are kept, and downloads that are checked before anything looks inside them.
# Source it after `set -eu`. The cache folder is outside the tree; nothing of it is committed.

headsift_cache=${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/headsift
headsift_deps=$headsift_cache/deps
headsift_tree=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
demo_model=$headsift_deps/models/SmolLM2-135M-Instruct.Q4_1.gguf

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() {
    say "$*"
    exit 1
}

# Runs a command as root: as it is, or by sudo.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "root is needed for: $*; run it as root, or install sudo"
    fi
}

# new_folder NAME: an empty folder beside the cache's contents, removed when the script ends.
new_folder() {
    mkdir -p "$headsift_cache"
    folder=$(mktemp -d "$headsift_cache/.tmp.$1.XXXXXX")
    headsift_folders="${headsift_folders-} '$folder'"
    trap 'eval "rm -rf ${headsift_folders-}"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

# check_sum FILE SHA256
check_sum() {
    have=$(sha256sum -- "$1" | cut -d' ' -f1)
    [ "$have" = "$2" ] || die "${1##*/}: SHA-256 is $have, not $2; nothing of it was unpacked. Run again, or report it"
}

# npm_fetch FOLDER NAME VERSION SHA256: the package's archive, checked, in $fetched. No install script runs.
npm_fetch() {
    say "fetching $2 $3 (npm)"
    (cd "$1" && npm pack --loglevel=error --no-update-notifier --ignore-scripts --pack-destination "$1" "$2@$3" >/dev/null) ||
        die "npm could not fetch $2@$3: look at the message above and at the network or proxy, then run again"
    fetched=$1/$(printf %s "${2#@}" | tr / -)-$3.tgz
    check_sum "$fetched" "$4"
}

# pip_fetch FOLDER SHA256 NAME==VERSION [option...]: the package's wheel, checked, in $fetched. Nothing is installed.
pip_fetch() {
    to=$1
    sum=$2
    say "fetching $3 (pip)"
    shift 2
    /usr/bin/python3 -m pip download --quiet --no-deps --only-binary=:all: --dest "$to" "$@" >&2 ||
        die "pip could not fetch $1: look at the message above and at the network or proxy, then run again"
    fetched=$(echo "$to"/*.whl)
    check_sum "$fetched" "$sum"
}

# have FOLDER PIN: FOLDER is there and was made from PIN.
have() { [ -f "$1/.pin" ] && [ "$(cat "$1/.pin")" = "$2" ]; }

# put NEW FOLDER PIN: NEW takes FOLDER's place in one step (two where an older one has to go).
put() {
    echo "$3" >"$1/.pin"
    mkdir -p "$(dirname "$2")"
    chmod 755 "$1"
    if [ -e "$2" ]; then
        new_folder old
        mv "$2" "$folder/"
    fi
    mv -T "$1" "$2"
}
