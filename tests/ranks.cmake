# Which share a process has (cli/ranks.c), and the launchers in examples/.
hs_test(test_ranks SOURCES unit/test_ranks.c ${CMAKE_SOURCE_DIR}/cli/ranks.c ROOMS base)
target_include_directories(test_ranks PRIVATE ${CMAKE_SOURCE_DIR}/cli)
