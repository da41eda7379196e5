# What ranks write of themselves, and headsift status, which reads it.
hs_test(test_rank_report SOURCES unit/test_rank_report.c ROOMS ${hs_influence_rooms} LINK headsift_jansson m)
hs_test(test_status SOURCES unit/test_status.c unit/status_support.c ROOMS status base LINK m)
hs_test(test_status_ranks SOURCES unit/test_status_ranks.c unit/status_support.c ROOMS status base LINK headsift_jansson m)
hs_fuzz(fuzz_status ROOMS status base)
hs_test(test_status_score SOURCES unit/test_status_score.c unit/influence_scene.c unit/influence_support.c
        ROOMS status ${hs_influence_rooms} LINK headsift_zlib m)
add_dependencies(test_status_score headsift)
