hs_test(test_tokenizer SOURCES golden/test_tokenizer.c ROOMS base tokenizer LINK headsift_ggml LABELS golden)
