# The install step: headers, both libraries, pkg-config and CMake packages, the command.
include(CMakePackageConfigHelpers)

install(DIRECTORY include/elman TYPE INCLUDE FILES_MATCHING PATTERN "*.h")
install(TARGETS elman EXPORT ElmanTargets)
install(TARGETS elman_static EXPORT ElmanStaticTargets)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/Elman)
configure_package_config_file(cmake/ElmanConfig.cmake.in ElmanConfig.cmake
    INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(ElmanConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/ElmanConfig.cmake ${PROJECT_BINARY_DIR}/ElmanConfigVersion.cmake
    DESTINATION ${package_folder})
if(ELMAN_HAVE_UNISTRING)
    install(FILES cmake/FindUnistring.cmake DESTINATION ${package_folder})
    set(pc_libs_private "-lunistring ")
endif()
install(EXPORT ElmanTargets NAMESPACE Elman:: DESTINATION ${package_folder})
install(EXPORT ElmanStaticTargets NAMESPACE Elman:: DESTINATION ${package_folder})

# elman.pc finds its prefix from its own place, so an installed tree can be moved.
file(RELATIVE_PATH pc_to_prefix "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
cmake_path(APPEND pc_libdir "\${prefix}" "${CMAKE_INSTALL_LIBDIR}")
cmake_path(APPEND pc_includedir "\${prefix}" "${CMAKE_INSTALL_INCLUDEDIR}")
list(JOIN ELMAN_MODULES " " pc_requires_private)
configure_file(cmake/elman.pc.in elman.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/elman.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(TARGET elman_cli)
    install(TARGETS elman_cli)
    if(NOT CMAKE_CROSSCOMPILING)
        # The command writes its own manual and completions.
        install(CODE "set(elman \"$<TARGET_FILE:elman_cli>\")")
        install(CODE "set(man \"${CMAKE_INSTALL_MANDIR}\")")
        install(CODE "set(data \"${CMAKE_INSTALL_DATADIR}\")")
        install(SCRIPT cmake/InstallGenerated.cmake)
    endif()
endif()
