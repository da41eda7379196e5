foreach(subject answers choices generated generators tasks)
  hs_test(test_eval_${subject} SOURCES unit/test_eval_${subject}.c ROOMS eval corpus base LABELS eval)
endforeach()
hs_fuzz(fuzz_task ROOMS eval corpus base)
