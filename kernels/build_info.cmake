# cmake -D FLAGS=.. -D SOURCE=.. -D OUTPUT=.. -P build_info.cmake: writes gk_build.h if its contents changed.
cmake_policy(VERSION 3.25)
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12 OUTPUT_VARIABLE revision
  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed)
  set(revision unknown)
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#define GK_BUILD_FLAGS \"@FLAGS@\"\n#define GK_BUILD_REVISION \"@revision@\"\n" @ONLY)
