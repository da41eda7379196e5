hs_test(test_base SOURCES unit/test_base.c ROOMS base)
hs_test(test_statistics SOURCES unit/test_statistics.c ROOMS base)
