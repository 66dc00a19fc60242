# cmake -D FLAGS=.. -D SOURCE=.. -D OUTPUT=.. -P build_info.cmake: writes gk_build.h if its contents changed.
cmake_policy(VERSION 3.25)
set(revision unknown)
# A folder inside some other project's checkout has a prefix: the revision would be that project's.
execute_process(COMMAND git -C ${SOURCE} rev-parse --show-prefix OUTPUT_VARIABLE prefix OUTPUT_STRIP_TRAILING_WHITESPACE
  ERROR_QUIET RESULT_VARIABLE failed)
if(NOT failed AND prefix STREQUAL "")
  execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12 OUTPUT_VARIABLE described
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(NOT failed)
    set(revision ${described})
  endif()
endif()
string(REPLACE "\\" "\\\\" FLAGS "${FLAGS}")
string(REPLACE "\"" "\\\"" FLAGS "${FLAGS}")
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#define GK_BUILD_FLAGS \"@FLAGS@\"\n#define GK_BUILD_REVISION \"@revision@\"\n" @ONLY)
