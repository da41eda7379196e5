# The command itself: usage without a model, and the commands on the demo model.
hs_test(test_cli SOURCES e2e/test_cli.c e2e/cli_support.c ROOMS base LABELS e2e)
hs_test(test_cli_model SOURCES e2e/test_cli_model.c e2e/cli_support.c ROOMS base LABELS e2e TIMEOUT 900)
hs_test(test_cli_status SOURCES e2e/test_cli_status.c e2e/tiny_model.c e2e/cli_support.c ROOMS corpus base
        LINK headsift_zlib headsift_zstd headsift_jansson LABELS e2e)
hs_test(test_cli_heads SOURCES e2e/test_cli_heads.c e2e/tiny_model.c e2e/cli_support.c ROOMS corpus base
        LINK headsift_zlib headsift_zstd headsift_jansson LABELS e2e)
foreach(test test_cli test_cli_model test_cli_status test_cli_heads)
  add_dependencies(${test} headsift)
endforeach()
hs_test(test_monitor SOURCES unit/test_monitor.c ${CMAKE_SOURCE_DIR}/cli/monitor.c ROOMS base LINK headsift_jansson m)
# Killed, by several ranks, on full disks: a tiny model over files of every kind.
hs_test(test_kill SOURCES e2e/test_kill.c e2e/tiny_model.c e2e/cli_support.c ROOMS corpus base
        LINK headsift_zlib headsift_zstd headsift_jansson TIMEOUT 1800 LABELS e2e)
add_dependencies(test_kill headsift)
