# Run by the install step: asks the command for its manual page and completions and installs them.
# Expects: elman (the program), man and data (folders below the prefix).
function(install_output_of folder name)
    get_filename_component(folder "${folder}" ABSOLUTE BASE_DIR "${CMAKE_INSTALL_PREFIX}")
    set(file "$ENV{DESTDIR}${folder}/${name}")
    execute_process(COMMAND "${elman}" ${ARGN}
        OUTPUT_VARIABLE text ERROR_VARIABLE message RESULT_VARIABLE status)
    if(NOT status EQUAL 0)
        list(JOIN ARGN " " arguments)
        message(FATAL_ERROR "elman ${arguments}: exit status ${status}: ${message}")
    endif()
    file(WRITE "${file}" "${text}")
    message(STATUS "Installing: ${file}")
endfunction()

install_output_of("${man}/man1" elman.1 man)
install_output_of("${data}/bash-completion/completions" elman completion bash)
install_output_of("${data}/zsh/site-functions" _elman completion zsh)
install_output_of("${data}/fish/vendor_completions.d" elman.fish completion fish)
