# cmake -DSCHEMA=schema.json -DOUTPUT=schema.cc -P this: the schema as the symbol that postern/plugin.h looks for.
file(READ "${SCHEMA}" text)
string(JSON type ERROR_VARIABLE problem TYPE "${text}")
if(problem)
  message(FATAL_ERROR "${SCHEMA}: ${problem}")
endif()
file(WRITE "${OUTPUT}" "#include <postern/abi.h>\n\
static const char text[] = R\"schema__(${text})schema__\";\n\
extern \"C\" __attribute__((visibility(\"hidden\"))) const postern_str postern_plugin_schema;\n\
extern \"C\" const postern_str postern_plugin_schema = {text, sizeof text - 1};\n")
