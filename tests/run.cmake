hs_test(test_run SOURCES e2e/test_run.c unit/select_support.c
        ROOMS run report explain select influence probe corpus engine model tokenizer base LINK m TIMEOUT 900 LABELS e2e)
