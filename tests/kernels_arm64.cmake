# The kernels of ARM64 tested on x86-64: cross-compiled, and run by qemu with and without the BF16 instructions.
# On ARM64 itself test_kernels and test_isa are what runs.
if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" OR HEADSIFT_SANITIZE)
  return()
endif()
find_program(HEADSIFT_ARM64_GCC aarch64-linux-gnu-gcc)
find_program(HEADSIFT_ARM64_QEMU NAMES qemu-aarch64 qemu-aarch64-static)
set(arm64_libc "")
if(HEADSIFT_ARM64_GCC)
  execute_process(COMMAND ${HEADSIFT_ARM64_GCC} -print-file-name=libc.a OUTPUT_VARIABLE arm64_libc)
endif()
if(NOT HEADSIFT_ARM64_QEMU OR NOT arm64_libc MATCHES "^/")
  message(STATUS "The tests of the ARM64 kernels are not built: gcc and libc for it, or qemu-user, are missing "
                 "(sh scripts/setup.sh tests)")
  return()
endif()

set(arm64_folder ${CMAKE_CURRENT_BINARY_DIR}/arm64)
file(MAKE_DIRECTORY ${arm64_folder})
set(arm64_flags -std=c17 -O3 -fno-math-errno -Wall -Wextra -Wconversion -Wshadow $<$<BOOL:${HEADSIFT_WERROR}>:-Werror>
    -I${CMAKE_SOURCE_DIR}/src -I${CMAKE_SOURCE_DIR}/include -I${CMAKE_CURRENT_SOURCE_DIR}
    -I${CMAKE_CURRENT_SOURCE_DIR}/kernels/arm64 -DHS_TEST_SCRATCH=".")

# Compiles a source of the tree with more flags, and appends the object to arm64_objects.
macro(arm64_compile source)
  string(REPLACE "/" "_" object ${source})
  set(object ${arm64_folder}/${object}.o)
  add_custom_command(OUTPUT ${object} DEPENDS ${CMAKE_SOURCE_DIR}/${source} DEPFILE ${object}.d COMMAND_EXPAND_LISTS VERBATIM
                     COMMAND ${HEADSIFT_ARM64_GCC} "${arm64_flags}" ${ARGN} -MD -MF ${object}.d -c
                             ${CMAKE_SOURCE_DIR}/${source} -o ${object}
                     COMMENT "Compiling ${source} for ARM64")
  list(APPEND arm64_objects ${object})
endmacro()

set(arm64_objects "")
foreach(source base/error base/memory base/random base/text engine/cpu/isa engine/cpu/kernels engine/cpu/kernels_plain
               engine/cpu/kernels_plain_bf16)
  arm64_compile(src/${source}.c)
endforeach()
arm64_compile(src/engine/cpu/kernels_base.c -ffp-contract=fast) # flags as in src/engine/CMakeLists.txt
arm64_compile(src/engine/cpu/kernels_neon_bf16.c -ffp-contract=fast -march=armv8.2-a+bf16)
set(arm64_shared ${arm64_objects})

# arm64_test(NAME SOURCE [what it must find with BF16] [and without]...)
function(arm64_test name source with without)
  set(arm64_objects ${arm64_shared})
  arm64_compile(${source})
  set(program ${arm64_folder}/${name})
  add_custom_command(OUTPUT ${program} DEPENDS ${arm64_objects} VERBATIM
                     COMMAND ${HEADSIFT_ARM64_GCC} -static -o ${program} ${arm64_objects} -lm
                     COMMENT "Linking ${name} for ARM64")
  add_custom_target(${name}_arm64_program ALL DEPENDS ${program})
  add_test(NAME ${name}_arm64 COMMAND ${HEADSIFT_ARM64_QEMU} -cpu max ${program} ${with})
  add_test(NAME ${name}_arm64_without_bf16 COMMAND ${HEADSIFT_ARM64_QEMU} -cpu cortex-a72 ${program} ${without})
  set_tests_properties(${name}_arm64 ${name}_arm64_without_bf16 PROPERTIES TIMEOUT 900 LABELS kernels)
endfunction()

arm64_test(test_kernels tests/kernels/test_kernels.c "neon neon_bf16" "neon")
arm64_test(test_isa tests/unit/test_isa.c neon_bf16 neon)
