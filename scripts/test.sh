#!/bin/sh
# All tests: set-up, release build and every test, then the quick ones under ASan and UBSan, warnings as errors with gcc
# and clang, layout, format, fuzz targets. Goes through every part, fails if one does, ends with ctest's own last line.
# usage: sh scripts/test.sh [--quick]      --quick: release build and the quick tests, layout, format
set -eu
. "$(dirname "$0")/common.sh"

fuzz_seconds=${HEADSIFT_FUZZ_SECONDS:-10}
quick=
failed=

main() {
    case ${1-} in
    '') ;;
    --quick) quick=yes ;;
    *) die "unknown argument '$1'; usage: sh scripts/test.sh [--quick]" ;;
    esac
    cd "$headsift_tree"
    sh scripts/setup.sh tests
    new_folder test
    log=$folder/ctest.log
    part "release build, warnings are errors" build release
    part "layout" sh scripts/check_rooms.sh
    part "format" check_format
    if [ -n "$quick" ]; then
        part "quick tests" run_tests release -LE 'slow|e2e'
    else
        part "example corpus" sh scripts/example_corpus.sh
        part "all tests" run_tests release
        cp "$log" "$log.all"
        part "ASan and UBSan build" build asan
        part "quick tests under ASan and UBSan" run_tests asan -LE 'slow|golden'
        part "clang build, warnings are errors" build fuzz
        part "fuzz targets" fuzz
        mv "$log.all" "$log"
    fi
    [ -z "$failed" ] || say "FAILED:$failed"
    grep 'tests passed' "$log" || say "no test ran"
    [ -z "$failed" ] && grep -q '^100% tests passed' "$log"
}

# part NAME COMMAND...: runs it, says how long it took, remembers a failure.
part() {
    name=$1
    shift
    say "== $name"
    begin=$(date +%s)
    if "$@"; then
        say "== $name: passed, $(($(date +%s) - begin)) s"
    else
        say "== $name: FAILED, $(($(date +%s) - begin)) s"
        failed="$failed [$name]"
    fi
}

build() {
    cmake --preset "$1" -DHEADSIFT_WERROR=ON -DHEADSIFT_TESTS=ON >"$folder/build.log" &&
        cmake --build --preset "$1" >>"$folder/build.log" || {
        cat "$folder/build.log"
        return 1
    }
}

# run_tests PRESET [ctest option...]
run_tests() {
    tests=build/$1
    shift
    (cd "$tests" && ctest --output-on-failure --no-tests=error "$@") >"$log" 2>&1 && status=0 || status=$?
    cat "$log"
    return $status
}

# Other versions of clang-format break lines elsewhere: only Debian 12's is asked.
check_format() {
    case $(clang-format --version) in
    *' version 14.'*) ;;
    *) say "skipped: the tree is formatted with clang-format 14" && return 0 ;;
    esac
    sources=$(git ls-files '*.c' '*.h' 2>/dev/null || find bench cli examples include src tests -name '*.[ch]')
    clang-format --dry-run -Werror $sources
}

# Each fuzz target on a copy of its seeds; what it finds stays in build/fuzz/found.
fuzz() {
    mkdir -p build/fuzz/found
    targets=0
    for target in build/fuzz/tests/fuzz_*; do
        [ -x "$target" ] && [ -f "$target" ] || continue
        what=${target##*/fuzz_}
        mkdir -p "$folder/seeds/$what"
        "$target" -max_total_time="$fuzz_seconds" -timeout=20 -rss_limit_mb=3000 -print_final_stats=0 -verbosity=0 \
            -artifact_prefix="build/fuzz/found/$what-" "$folder/seeds/$what" "tests/data/fuzz/$what" \
            >"$folder/fuzz.log" 2>&1 || {
            tail -n 40 "$folder/fuzz.log"
            say "fuzz_$what failed; its input is in build/fuzz/found"
            return 1
        }
        say "fuzz_$what: $fuzz_seconds s, nothing found"
        targets=$((targets + 1))
    done
    [ $targets -gt 0 ] || {
        say "there is no fuzz target in build/fuzz/tests"
        return 1
    }
}

main "$@"
