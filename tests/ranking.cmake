# headsift-ranking (bench/): the comparison of two scorings.
hs_test(test_ranking SOURCES unit/test_ranking.c unit/select_support.c ${CMAKE_SOURCE_DIR}/bench/ranking.c
        ROOMS compare select probe corpus engine model tokenizer base)
target_include_directories(test_ranking PRIVATE ${CMAKE_SOURCE_DIR}/bench)
target_compile_definitions(test_ranking PRIVATE HS_RANKING_COMMAND="$<TARGET_FILE:headsift-ranking>")
add_dependencies(test_ranking headsift-ranking)
