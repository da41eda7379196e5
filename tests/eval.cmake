set(hs_eval_rooms eval influence probe corpus engine model tokenizer base)
foreach(subject answers choices generated generators tasks)
  hs_test(test_eval_${subject} SOURCES unit/test_eval_${subject}.c ROOMS ${hs_eval_rooms} LABELS eval)
endforeach()
hs_fuzz(fuzz_task ROOMS ${hs_eval_rooms})
# Asking tasks: matches, questions in tokens, effects, likelihoods against transformers, the command.
hs_test(test_eval_match SOURCES unit/test_eval_match.c ROOMS ${hs_eval_rooms} LABELS eval)
foreach(subject ask effects)
  hs_test(test_eval_${subject} SOURCES unit/test_eval_${subject}.c unit/influence_support.c ROOMS ${hs_eval_rooms}
          LABELS eval)
endforeach()
hs_test(test_eval_golden SOURCES golden/test_eval_golden.c unit/influence_support.c ROOMS ${hs_eval_rooms}
        LABELS "eval;golden")
hs_test(test_eval SOURCES e2e/test_eval.c e2e/cli_support.c ROOMS base LINK headsift_jansson LABELS "eval;e2e" TIMEOUT 600)
add_dependencies(test_eval headsift)
