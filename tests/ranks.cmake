# Which share a process has (cli/ranks.c), and the launchers in examples/.
hs_test(test_ranks SOURCES unit/test_ranks.c ${CMAKE_SOURCE_DIR}/cli/ranks.c ROOMS base)
target_include_directories(test_ranks PRIVATE ${CMAKE_SOURCE_DIR}/cli)

add_executable(ranks_scene tools/ranks_scene.c written_llama.c)
target_link_libraries(ranks_scene PRIVATE hs_base hs_corpus hs_flags headsift_cmocka)
target_include_directories(ranks_scene PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
target_compile_definitions(ranks_scene PRIVATE HS_TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}/data" HS_TEST_SCRATCH="")

# A Slurm of its own on this machine, started and stopped by the test; skipped only where slurmctld is not installed.
add_test(NAME test_slurm COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/slurm/test_slurm.sh $<TARGET_FILE:headsift>
                                 $<TARGET_FILE:ranks_scene>)
set_tests_properties(test_slurm PROPERTIES TIMEOUT 900 SKIP_RETURN_CODE 77 LABELS "e2e;slow")
add_test(NAME test_parallel COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/e2e/test_parallel.sh $<TARGET_FILE:headsift>
                                    $<TARGET_FILE:ranks_scene>)
add_test(NAME test_kubernetes COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/e2e/test_kubernetes.sh)
set_tests_properties(test_parallel test_kubernetes PROPERTIES TIMEOUT 300 LABELS e2e)
