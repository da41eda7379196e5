# The explain room: one document's tokens on tiny models, and what is printed of them.
hs_test(test_explain SOURCES unit/test_explain.c unit/influence_support.c
        ROOMS explain influence probe corpus engine model tokenizer base)
