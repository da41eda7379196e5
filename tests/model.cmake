# The model room: loaders, refusals, values; and export_hf, the tool that writes a model as a Hugging Face directory.
set(model_rooms base tokenizer model)
set(export_sources tools/export_config.c tools/export_weights.c tools/export_tokenizer.c)
set(gguf_sources tools/write_gguf.c tools/memory_gguf.c)

add_executable(export_hf tools/export_hf.c ${export_sources})
target_link_libraries(export_hf PRIVATE hs_base hs_tokenizer hs_model hs_flags)
target_include_directories(export_hf PRIVATE ${CMAKE_SOURCE_DIR}/tests)

hs_test(test_model_gguf SOURCES unit/test_model_gguf.c ${gguf_sources} ROOMS ${model_rooms})
hs_test(test_model_gguf_families SOURCES unit/test_model_gguf_families.c ${gguf_sources} ROOMS ${model_rooms})
hs_test(test_model_vocab SOURCES unit/test_model_vocab.c ${gguf_sources} ROOMS ${model_rooms})
hs_test(test_model_config SOURCES unit/test_model_config.c ROOMS ${model_rooms})
hs_test(test_safetensors SOURCES unit/test_safetensors.c ${export_sources} ROOMS ${model_rooms})

hs_fuzz(fuzz_config ROOMS ${model_rooms})
hs_fuzz(fuzz_safetensors ROOMS ${model_rooms})
hs_fuzz(fuzz_gguf ROOMS ${model_rooms})
target_sources(fuzz_gguf PRIVATE tools/memory_gguf.c)
target_include_directories(fuzz_gguf PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})

hs_test(test_model_inspect SOURCES unit/test_model_inspect.c ROOMS ${model_rooms})
hs_test(test_model_demo SOURCES golden/test_model_demo.c ${export_sources} ROOMS ${model_rooms} LABELS golden)
