# The bench room: its arithmetic to the digit, its measuring by what it leaves, never by how long it took.
hs_test(test_bench SOURCES unit/test_bench.c unit/influence_support.c
        ROOMS bench influence probe corpus engine model tokenizer base)
