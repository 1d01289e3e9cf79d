# The compiler's flags for everything of ours, as a library that targets link: elman_flags.
set(ELMAN_X86_64 OFF)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$" AND CMAKE_SIZEOF_VOID_P EQUAL 8)
    set(ELMAN_X86_64 ON)
endif()

add_library(elman_flags INTERFACE)
target_compile_options(elman_flags INTERFACE
    -Wall -Wextra -Wformat=2 -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes
    $<$<BOOL:${ELMAN_WERROR}>:-Werror>
    # gcc sees ghosts in what its sanitizers add.
    $<$<AND:$<CONFIG:Sanitize>,$<C_COMPILER_ID:GNU>>:-Wno-maybe-uninitialized>
    $<$<CONFIG:Release>:-O2>
    -fvisibility=hidden
    # No -ffast-math: it makes isnan return 0 and changes the host's floating-point mode.
    -fno-math-errno -fno-trapping-math -ffp-contract=off)
target_compile_features(elman_flags INTERFACE c_std_17)
set(CMAKE_C_EXTENSIONS OFF)

# For the files that may use POSIX: src/core, cli, tests.
set(ELMAN_POSIX _POSIX_C_SOURCE=200809L _DEFAULT_SOURCE)

set(ELMAN_LINK_OPTIONS "")
if(ELMAN_HARDEN)
    target_compile_options(elman_flags INTERFACE
        -Werror=format-security -U_FORTIFY_SOURCE
        $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=3> # means nothing without optimisation
        -fstack-clash-protection -fstack-protector-strong
        $<$<BOOL:${ELMAN_X86_64}>:-fcf-protection=full>
        -fno-delete-null-pointer-checks -fno-strict-overflow -fno-strict-aliasing)
    set(ELMAN_LINK_OPTIONS "LINKER:-z,relro,-z,now,-z,noexecstack")
endif()
