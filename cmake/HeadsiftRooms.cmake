# hs_room(): a folder of src/ as an object library with the house's flags; hs_test(): a cmocka test over some rooms.
# Arrows between rooms point one way: a room names in LINK only rooms that stand before it in HEADSIFT_ROOMS.

add_library(hs_flags INTERFACE)
target_compile_options(hs_flags INTERFACE -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes
                       -Wpointer-arith -Wvla -Wundef -fno-math-errno
                       $<$<C_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>) # gcc does not see that HS_TRY leaves

function(hs_flags_finish)
  if(HEADSIFT_WERROR)
    target_compile_options(hs_flags INTERFACE -Werror)
  endif()
  if(HEADSIFT_FUZZ)
    target_compile_options(hs_flags INTERFACE -fsanitize=fuzzer-no-link)
  endif()
  if(HEADSIFT_SANITIZE)
    target_compile_options(hs_flags INTERFACE -fsanitize=${HEADSIFT_SANITIZE} -fno-omit-frame-pointer
                           -fno-sanitize-recover=all)
    target_link_options(hs_flags INTERFACE -fsanitize=${HEADSIFT_SANITIZE})
  endif()
endfunction()

function(hs_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;LINK" ${ARGN})
  add_library(hs_${name} OBJECT ${ROOM_SOURCES})
  target_include_directories(hs_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
  target_link_libraries(hs_${name} PUBLIC ${ROOM_LINK} PRIVATE hs_flags)
endfunction()

# hs_test(NAME SOURCES files... ROOMS rooms... [LINK libraries...] [TIMEOUT seconds] [LABELS words...])
function(hs_test name)
  cmake_parse_arguments(TEST "" "TIMEOUT" "SOURCES;ROOMS;LINK;LABELS" ${ARGN})
  add_executable(${name} ${TEST_SOURCES})
  foreach(room IN LISTS TEST_ROOMS)
    target_link_libraries(${name} PRIVATE hs_${room})
  endforeach()
  target_link_libraries(${name} PRIVATE hs_flags headsift_cmocka ${TEST_LINK})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_compile_definitions(${name} PRIVATE HS_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data"
                             HS_DEMO_MODEL="${HEADSIFT_DEMO_MODEL}" HS_COMMAND="$<TARGET_FILE_DIR:headsift>/headsift"
                             HS_TEST_SCRATCH="${CMAKE_BINARY_DIR}/scratch")
  add_test(NAME ${name} COMMAND ${name})
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 300)
  endif()
  # Threads that spin at barriers while other tests want the cores make all of them four times slower.
  set_tests_properties(${name} PROPERTIES TIMEOUT ${TEST_TIMEOUT} LABELS "${TEST_LABELS}"
                       ENVIRONMENT OMP_WAIT_POLICY=passive)
endfunction()

# hs_fuzz(NAME ROOMS rooms...): tests/fuzz/NAME.c (LLVMFuzzerTestOneInput). With HEADSIFT_FUZZ (clang) a libFuzzer program; else
# a program that runs the function over the seeds in tests/data/fuzz/, and a test that does so.
function(hs_fuzz name)
  cmake_parse_arguments(FUZZ "" "" "ROOMS;LINK" ${ARGN})
  string(REGEX REPLACE "^fuzz_" "" seeds ${name})
  set(sources ${CMAKE_SOURCE_DIR}/tests/fuzz/${name}.c)
  if(NOT HEADSIFT_FUZZ)
    list(APPEND sources ${CMAKE_SOURCE_DIR}/tests/fuzz/replay.c)
  endif()
  add_executable(${name} ${sources})
  foreach(room IN LISTS FUZZ_ROOMS)
    target_link_libraries(${name} PRIVATE hs_${room})
  endforeach()
  target_link_libraries(${name} PRIVATE hs_flags ${FUZZ_LINK})
  if(HEADSIFT_FUZZ)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  endif()
  add_test(NAME ${name} COMMAND ${name} -runs=0 ${CMAKE_SOURCE_DIR}/tests/data/fuzz/${seeds})
  set_tests_properties(${name} PROPERTIES TIMEOUT 300 LABELS fuzz)
endfunction()
