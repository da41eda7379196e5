# The compare room: results beside one another.
hs_test(test_compare_heads SOURCES unit/test_compare_heads.c ROOMS compare probe engine model tokenizer base
        LINK headsift_jansson m)
