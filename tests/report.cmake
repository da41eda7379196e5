# The report: its parts and limits, and the page in a real Chromium (skipped only where that is not installed).
set(hs_report_rooms report select explain influence probe corpus engine model tokenizer base)
hs_test(test_report_page SOURCES e2e/test_report_page.c e2e/chromium.c unit/report_scene.c unit/select_support.c
        unit/influence_support.c ROOMS ${hs_report_rooms} LINK m LABELS e2e)
set_tests_properties(test_report_page PROPERTIES SKIP_RETURN_CODE 77)

add_executable(page_picture tools/page_picture.c e2e/chromium.c)
target_link_libraries(page_picture PRIVATE hs_base hs_flags headsift_cmocka headsift_jansson)
target_include_directories(page_picture PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
target_compile_definitions(page_picture PRIVATE HS_TEST_SCRATCH="")
hs_test(test_report SOURCES unit/test_report.c unit/report_scene.c unit/select_support.c unit/influence_support.c
        ROOMS ${hs_report_rooms} LINK m)
hs_fuzz(fuzz_report ROOMS ${hs_report_rooms})
