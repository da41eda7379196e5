/* Being written. */
typedef int hs_empty_corpus;
