hs_test(test_kernels SOURCES kernels/test_kernels.c ROOMS engine tokenizer model base)
hs_test(test_engine_golden SOURCES golden/test_engine_golden.c ROOMS engine tokenizer model base LABELS golden)
hs_test(test_engine SOURCES unit/test_engine.c ROOMS engine tokenizer model base)
hs_test(test_memory SOURCES e2e/test_memory.c ROOMS engine tokenizer model base TIMEOUT 900 LABELS slow)
