foreach(subject csv inputs jsonl parquet scores sql stream)
  hs_test(test_corpus_${subject} SOURCES unit/test_corpus_${subject}.c ROOMS base corpus LABELS corpus)
endforeach()
