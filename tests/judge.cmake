# The judge room: the draw, blindness, and figures worked out by hand.
hs_test(test_judge SOURCES unit/test_judge.c unit/select_support.c ROOMS judge select corpus base)
