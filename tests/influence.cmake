# The influence room: counting and packing on tiny models, the demo model against the reference, score files.
set(hs_influence_rooms influence probe corpus engine model tokenizer base)
hs_test(test_influence SOURCES unit/test_influence.c unit/influence_support.c ROOMS ${hs_influence_rooms})
hs_test(test_influence_parts SOURCES unit/test_influence_parts.c unit/influence_three.c ROOMS ${hs_influence_rooms})
hs_test(test_influence_rows SOURCES unit/test_influence_rows.c unit/influence_three.c ROOMS ${hs_influence_rooms})
hs_test(test_influence_units SOURCES unit/test_influence_units.c unit/influence_scene.c unit/influence_support.c
        ROOMS ${hs_influence_rooms})
hs_test(test_influence_windows SOURCES unit/test_influence_windows.c unit/influence_scene.c unit/influence_support.c
        ROOMS ${hs_influence_rooms})
hs_test(test_influence_changes SOURCES unit/test_influence_changes.c unit/influence_scene.c unit/influence_support.c
        ROOMS ${hs_influence_rooms})
hs_test(test_influence_files SOURCES unit/test_influence_files.c unit/influence_scene.c unit/influence_support.c
        ROOMS ${hs_influence_rooms})
hs_test(test_influence_mean SOURCES unit/test_influence_mean.c unit/influence_scene.c unit/influence_support.c
        ROOMS ${hs_influence_rooms})
hs_test(test_influence_pipeline SOURCES unit/test_influence_pipeline.c unit/influence_scene.c unit/influence_support.c
        ROOMS ${hs_influence_rooms} LINK headsift_zlib)
hs_test(test_score SOURCES golden/test_score.c ROOMS ${hs_influence_rooms} LABELS golden TIMEOUT 900)
