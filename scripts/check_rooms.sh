#!/bin/sh
# The rules of the house that a machine can check (CONTRIBUTING.md): which room may include which, who may know which
# library, how long a file may be. Prints each line that breaks one.
set -eu
cd "$(dirname "$0")/.."

# In the order in which they may use one another: a room includes only itself and rooms before it.
rooms='base tokenizer model engine corpus probe influence explain select join eval compare judge report run status bench'
broken=0

report() {
    [ -z "$2" ] && return 0
    printf '%s:\n%s\n' "$1" "$2"
    broken=1
}

allowed=headsift
for room in $rooms; do
    allowed="$allowed|$room"
    report "src/$room includes a room that stands after it" \
        "$(grep -rnE '^#include "[a-z_]+/' "src/$room" | grep -vE "#include \"($allowed)/" || true)"
done

# only LIBRARY PATTERN ROOM...: no other room includes it.
only() {
    library=$1
    pattern=$2
    shift 2
    found=$(grep -rnE "^#include [<\"]($pattern)" src cli || true)
    for room in "$@"; do
        found=$(printf '%s\n' "$found" | grep -v "^src/$room/" || true)
    done
    report "$library is known outside of $*" "$found"
}
only DuckDB 'duckdb' corpus select join compare judge report
only oneDNN 'dnnl|oneapi' engine/cpu train
only ggml 'gg(ml|uf)' model
only PCRE2 'pcre2' tokenizer

report "files over 500 lines (tables apart)" "$(find include src cli bench examples tests scripts -type f \
    \( -name '*.[ch]' -o -name '*.sh' -o -name '*.py' \) ! -name '*_table*' -exec wc -l {} + |
    awk '$1 > 500 && $2 != "total"')"
exit $broken
