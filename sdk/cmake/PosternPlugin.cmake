# Building plugins: the same functions inside this tree and, through find_package(Postern), outside of it.
#
#   postern_add_plugin(NAME hello LIBRARIES ZLIB::ZLIB)
#
# makes hello.so (target plugin_hello) from the *.cc files of the calling folder, without its *_test.cc, and its schema.json if
# there is one. SOURCES and SCHEMA name others. The file comes to POSTERN_PLUGIN_OUTPUT_DIRECTORY, by default <build>/plugins,
# with the schema inside, the visibility that a plugin needs, an install rule (component "plugins") and a test that it is fit to
# load.
# STAYS_LOADED says that its code may stay in memory after it was replaced, which thread_local variables with destructors, its
# own or those of a library that it links statically, lead to. The global property POSTERN_PLUGINS lists the targets.
#
#   postern_add_plugin_test(NAME hello LIBRARIES doctest)
#
# makes the program test_plugin_hello from the plugin's own objects and the folder's *_test.cc (or SOURCES), registered with
# CTest. Inside it the macro POSTERN_PLUGIN_FILE is the path of hello.so.
include_guard(GLOBAL)
include(GNUInstallDirs)

set(POSTERN_PLUGIN_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins CACHE PATH "Where plugins are built")

# Flags without which two plugins (or two versions of one) could not live in one process or not be unloaded.
function(_postern_plugin_flags target)
  set_target_properties(${target} PROPERTIES
    POSITION_INDEPENDENT_CODE ON
    CXX_VISIBILITY_PRESET hidden
    C_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-gnu-unique>)
endfunction()

function(postern_add_plugin)
  cmake_parse_arguments(PARSE_ARGV 0 arg "STAYS_LOADED" "NAME;SCHEMA;BUILD_ID" "SOURCES;LIBRARIES")
  if(NOT arg_NAME MATCHES "^[a-z][a-z0-9-]*$")
    message(FATAL_ERROR "postern_add_plugin: NAME must be lower-case letters, digits and '-' (got '${arg_NAME}')")
  endif()
  if(NOT arg_SOURCES)
    file(GLOB arg_SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
    list(FILTER arg_SOURCES EXCLUDE REGEX "_test\\.cc$")
  endif()
  if(NOT arg_SOURCES)
    message(FATAL_ERROR "postern_add_plugin(${arg_NAME}): there is no .cc file in ${CMAKE_CURRENT_SOURCE_DIR}, and no SOURCES")
  endif()
  if(NOT arg_SCHEMA)
    file(GLOB arg_SCHEMA CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/schema.json)
  endif()

  set(objects plugin_${arg_NAME}_objects)
  add_library(${objects} OBJECT ${arg_SOURCES})
  target_link_libraries(${objects} PUBLIC Postern::sdk ${arg_LIBRARIES})
  _postern_plugin_flags(${objects})
  if(arg_BUILD_ID)
    target_compile_definitions(${objects} PRIVATE POSTERN_BUILD_ID="${arg_BUILD_ID}")
  endif()
  if(arg_SCHEMA)
    set(schema ${CMAKE_CURRENT_SOURCE_DIR}/${arg_SCHEMA})
    set(schema_cc ${CMAKE_CURRENT_BINARY_DIR}/${arg_NAME}_schema.cc)
    add_custom_command(
      OUTPUT ${schema_cc}
      COMMAND ${CMAKE_COMMAND} -DSCHEMA=${schema} -DOUTPUT=${schema_cc} -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/PosternEmbedSchema.cmake
      DEPENDS ${schema} ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/PosternEmbedSchema.cmake
      COMMENT "Embedding the schema of plugin ${arg_NAME}"
      VERBATIM)
    target_sources(${objects} PRIVATE ${schema_cc})
  endif()

  add_library(plugin_${arg_NAME} MODULE)
  target_link_libraries(plugin_${arg_NAME} PRIVATE ${objects})
  _postern_plugin_flags(plugin_${arg_NAME})
  set(exports ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/PosternPlugin.map)
  target_link_options(plugin_${arg_NAME} PRIVATE LINKER:--version-script=${exports})
  set_target_properties(plugin_${arg_NAME} PROPERTIES
    LINK_DEPENDS ${exports}
    LINKER_LANGUAGE CXX
    PREFIX ""
    OUTPUT_NAME ${arg_NAME}
    LIBRARY_OUTPUT_DIRECTORY ${POSTERN_PLUGIN_OUTPUT_DIRECTORY})
  install(TARGETS plugin_${arg_NAME} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/postern/plugins COMPONENT plugins)

  set_property(GLOBAL APPEND PROPERTY POSTERN_PLUGINS plugin_${arg_NAME})

  if(CMAKE_READELF)
    add_test(NAME plugin_${arg_NAME}_verify
      COMMAND ${CMAKE_COMMAND} -DREADELF=${CMAKE_READELF} -DFILE=$<TARGET_FILE:plugin_${arg_NAME}> -DNAME=${arg_NAME}
              -DSTAYS_LOADED=${arg_STAYS_LOADED}
              -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/PosternVerify.cmake)
  endif()
endfunction()

function(postern_add_plugin_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME" "SOURCES;LIBRARIES")
  set(test test_plugin_${arg_NAME})
  if(NOT arg_SOURCES)
    file(GLOB arg_SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.cc)
  endif()
  add_executable(${test} ${arg_SOURCES})
  target_include_directories(${test} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_compile_definitions(${test} PRIVATE POSTERN_PLUGIN_FILE="$<TARGET_FILE:plugin_${arg_NAME}>")
  target_link_libraries(${test} PRIVATE plugin_${arg_NAME}_objects ${arg_LIBRARIES} ${CMAKE_DL_LIBS})
  add_dependencies(${test} plugin_${arg_NAME})
  add_test(NAME plugin_${arg_NAME} COMMAND ${test})
endfunction()
