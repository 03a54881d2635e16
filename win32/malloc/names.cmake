# SPDX-License-Identifier: MIT
# names.cmake: writes to NAMES the names of CORE and, if ARCHIVE has the objects of replace.c and imports.c, theirs.
# They are what is global in libbrainmm-malloc.a. NM is the command nm.
file(READ ${CORE} names)
execute_process(COMMAND ${NM} -A --defined-only -g ${ARCHIVE} OUTPUT_VARIABLE lines RESULT_VARIABLE failed)
if(failed)
    message(FATAL_ERROR "${NM} ${ARCHIVE}: ${failed}")
endif()
string(REGEX MATCHALL "[:/\\[](replace|imports)\\.c\\.[a-z]+\\]?:[^\n]*" lines "${lines}")
foreach(line ${lines})
    # The last match is the one that CMAKE_MATCH_1 is of.
    if(NOT line MATCHES "crt_" AND line MATCHES " ([^ \r]+)\r?$")
        string(APPEND names "${CMAKE_MATCH_1}\n")
    endif()
endforeach()
if(NOT NAMES STREQUAL CORE)
    file(WRITE ${NAMES} "${names}")
endif()
