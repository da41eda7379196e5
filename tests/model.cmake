# The model room: loaders, refusals, values; and export_hf, the tool that writes a model as a Hugging Face directory.
add_executable(export_hf tools/export_hf.c tools/export_weights.c tools/export_tokenizer.c)
target_link_libraries(export_hf PRIVATE hs_base hs_tokenizer hs_model hs_flags)
target_include_directories(export_hf PRIVATE ${CMAKE_SOURCE_DIR}/tests)
