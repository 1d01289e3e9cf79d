# Finds what reading ONNX models takes: protobuf-c, its compiler, and the specification's onnx.proto.
pkg_check_modules(ELMAN_libprotobuf-c IMPORTED_TARGET libprotobuf-c)
find_program(PROTOC_C protoc-c)
find_path(ONNX_PROTO_FOLDER onnx.proto PATH_SUFFIXES onnx)
mark_as_advanced(PROTOC_C ONNX_PROTO_FOLDER)
if(ELMAN_libprotobuf-c_FOUND AND PROTOC_C AND ONNX_PROTO_FOLDER)
    set(ELMAN_HAVE_ONNX ON)
    list(APPEND ELMAN_MODULES libprotobuf-c)
else()
    message(STATUS "protobuf-c or onnx.proto was not found: ONNX models will be refused")
endif()

# Compiles the specification into the target, which sees it as <onnx.pb-c.h>.
function(elman_add_onnx_proto target)
    set(folder ${PROJECT_BINARY_DIR}/onnx)
    file(MAKE_DIRECTORY ${folder})
    add_custom_command(OUTPUT ${folder}/onnx.pb-c.c ${folder}/onnx.pb-c.h
        COMMAND ${PROTOC_C} --c_out=${folder} -I${ONNX_PROTO_FOLDER} ${ONNX_PROTO_FOLDER}/onnx.proto
        DEPENDS ${ONNX_PROTO_FOLDER}/onnx.proto
        COMMENT "Compiling onnx.proto" VERBATIM)
    target_sources(${target} PRIVATE ${folder}/onnx.pb-c.c ${folder}/onnx.pb-c.h)
    target_include_directories(${target} SYSTEM PUBLIC ${folder})
    set_source_files_properties(${folder}/onnx.pb-c.c PROPERTIES COMPILE_OPTIONS -w)
endfunction()
