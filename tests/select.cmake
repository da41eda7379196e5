hs_test(test_select SOURCES unit/test_select.c unit/select_support.c ROOMS select corpus base)
hs_test(test_select_output SOURCES unit/test_select_output.c unit/select_support.c ROOMS select corpus base
        LINK headsift_zlib)
hs_test(test_select_broken SOURCES unit/test_select_broken.c unit/select_support.c ROOMS select corpus base
        LINK headsift_zlib headsift_zstd)
hs_test(test_select_scale SOURCES unit/test_select_scale.c unit/select_support.c ROOMS select corpus base)
hs_test(test_select_flags SOURCES unit/test_select_flags.c unit/select_support.c ROOMS select corpus base
        LINK headsift_zlib)
hs_test(test_select_disk SOURCES unit/test_select_disk.c unit/select_support.c ROOMS select corpus base)
