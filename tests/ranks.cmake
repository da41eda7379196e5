# Which share a process has (cli/ranks.c), and the launchers in examples/.
hs_test(test_ranks SOURCES unit/test_ranks.c ${CMAKE_SOURCE_DIR}/cli/ranks.c ROOMS base)
target_include_directories(test_ranks PRIVATE ${CMAKE_SOURCE_DIR}/cli)

add_executable(ranks_scene tools/ranks_scene.c written_llama.c)
target_link_libraries(ranks_scene PRIVATE hs_base hs_corpus hs_flags headsift_cmocka)
target_include_directories(ranks_scene PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
target_compile_definitions(ranks_scene PRIVATE HS_TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}/data" HS_TEST_SCRATCH="")
