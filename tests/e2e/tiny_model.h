/* A model that the command can open and that scores thousands of documents a second, and a corpus of three kinds of
 * files for it. For tests that start the command dozens of times. */
#ifndef HS_TESTS_TINY_MODEL_H
#define HS_TESTS_TINY_MODEL_H

/** Makes the folder "tiny" (a tiny golden with a tokenizer of one token a character) and "heads.json" here. */
void tiny_model(void);
/** Makes docs.parquet (small row groups), docs.jsonl.zst (many frames) and docs.csv.gz: 5,400 documents. */
void mixed_corpus(void);

#endif
