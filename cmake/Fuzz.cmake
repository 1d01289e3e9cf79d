# One program for each fuzz/fuzz_NAME.c. Its corpus is fuzz/corpus/NAME/.
# With ELMAN_LIBFUZZER it is a fuzzer; otherwise a test that replays the corpus.
file(GLOB fuzz_targets CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/fuzz/fuzz_*.c)
foreach(source ${fuzz_targets})
    get_filename_component(target ${source} NAME_WE)
    string(REPLACE "fuzz_" "" name ${target})
    add_executable(${target} ${source})
    target_link_libraries(${target} PRIVATE elman_objects elman_flags)
    target_compile_definitions(${target} PRIVATE ${ELMAN_POSIX})
    set_target_properties(${target} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/fuzz)
    if(ELMAN_LIBFUZZER)
        target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    else()
        target_sources(${target} PRIVATE ${PROJECT_SOURCE_DIR}/fuzz/replay.c)
        add_test(NAME ${target} COMMAND ${target} ${PROJECT_SOURCE_DIR}/fuzz/corpus/${name})
    endif()
endforeach()
