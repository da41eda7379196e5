# The compare room: results beside one another.
set(hs_compare_rooms compare select probe corpus engine model tokenizer base)
hs_test(test_compare_heads SOURCES unit/test_compare_heads.c ROOMS ${hs_compare_rooms} LINK headsift_jansson m)
hs_test(test_compare_words SOURCES unit/test_compare_words.c ROOMS ${hs_compare_rooms} LINK headsift_jansson m)
hs_test(test_compare_clusters SOURCES unit/test_compare_clusters.c ROOMS ${hs_compare_rooms} LINK headsift_jansson m)
hs_test(test_compare SOURCES unit/test_compare.c unit/select_support.c ROOMS ${hs_compare_rooms}
        LINK headsift_jansson m)
hs_test(test_cli_compare SOURCES e2e/test_cli_compare.c e2e/tiny_model.c e2e/cli_support.c ROOMS corpus base
        LINK headsift_zlib headsift_zstd headsift_jansson m LABELS e2e)
add_dependencies(test_cli_compare headsift)
