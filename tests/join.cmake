# The join room: two runs' losses to score rows.
hs_test(test_join SOURCES unit/test_join.c unit/select_support.c
        ROOMS join select influence probe corpus engine model tokenizer base)
