hs_test(test_tokenizer SOURCES golden/test_tokenizer.c ROOMS base tokenizer LINK headsift_ggml LABELS golden)
hs_test(test_tokenizer_cases SOURCES golden/test_tokenizer_cases.c ROOMS base tokenizer LABELS golden)
hs_test(test_tokenizer_parts SOURCES golden/test_tokenizer_parts.c ROOMS base tokenizer LABELS golden)
hs_test(test_tokenizer_json SOURCES unit/test_tokenizer_json.c ROOMS base tokenizer LABELS unit)
hs_test(test_tokenizer_regex SOURCES unit/test_tokenizer_regex.c ROOMS base tokenizer LABELS unit)
hs_test(test_tokenizer_vocab SOURCES unit/test_tokenizer_vocab.c ROOMS base tokenizer
        LINK "-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc" LABELS unit)
hs_test(test_tokenizer_encode SOURCES unit/test_tokenizer_encode.c ROOMS base tokenizer LABELS unit)
hs_fuzz(fuzz_tokenizer ROOMS base tokenizer)
