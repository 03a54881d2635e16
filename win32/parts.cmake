# SPDX-License-Identifier: MIT
# parts.cmake: what CMakeLists.txt builds for Windows beside the static core: brainmm.dll, the malloc that MinGW's
# programs are linked with, and the companions. The options are those of Makefile.mingw, which gives reasons.
set(BRAINMM_HERE ${CMAKE_CURRENT_SOURCE_DIR}/win32)
set(BRAINMM_LINK -nostdlib -Wl,--no-insert-timestamp -Wl,--dynamicbase -Wl,--nxcompat)
if(CMAKE_SIZEOF_VOID_P EQUAL 8)
    list(APPEND BRAINMM_LINK -Wl,--high-entropy-va)
endif()

# brainmm_module TARGET FILE TITLE ENTRY: options and version of a DLL or program without a C run-time
function(brainmm_module target file title entry)
    # The values are in a file, because windres takes quotation marks out of options.
    string(REPLACE . , commas ${BRAINMM_VERSION})
    set(resource ${CMAKE_CURRENT_BINARY_DIR}/${target}.rc)
    file(WRITE ${resource} "#define BRAINMM_VERSION ${commas},0\n"
        "#define BRAINMM_VERSION_TEXT \"${BRAINMM_VERSION}\"\n#define BRAINMM_FILE \"${file}\"\n"
        "#define BRAINMM_TITLE \"${title}\"\n#include \"version.rc\"\n")
    target_sources(${target} PRIVATE ${resource})
    get_filename_component(name ${file} NAME_WE)
    set_target_properties(${target} PROPERTIES PREFIX "" OUTPUT_NAME ${name})
    target_link_options(${target} PRIVATE ${BRAINMM_LINK} -Wl,-e,${BRAINMM_UNDERSCORE}${entry})
    brainmm_part(${target})
endfunction()

add_library(brainmm SHARED $<TARGET_OBJECTS:brainmm_core> win32/dll.c win32/crt.c brainmm.def)
brainmm_module(brainmm brainmm.dll "BrainMM: one heap for every module of a process" brainmm_dll_entry${BRAINMM_STACK})
target_link_libraries(brainmm PRIVATE kernel32 gcc)

# ---- libbrainmm-malloc.a --------------------------------------------------------------------------------------------

# It has the imports of all its names, too, for code that was compiled for the DLL.
set(BRAINMM_TEXT "/* The addresses by which code that was compiled for brainmm.dll finds the functions */\n")
set(BRAINMM_IMPORT __imp_)
if(BRAINMM_UNDERSCORE)
    set(BRAINMM_IMPORT _imp__) # the compiler adds one
endif()
foreach(BRAINMM_NAME ${BRAINMM_FUNCTIONS})
    string(APPEND BRAINMM_TEXT "extern const char ${BRAINMM_NAME}[];\n"
        "const void *const ${BRAINMM_IMPORT}${BRAINMM_NAME} = ${BRAINMM_NAME};\n")
endforeach()
file(WRITE ${BRAINMM_WORK}/imports.c "${BRAINMM_TEXT}")
brainmm_archive(brainmm_malloc brainmm-malloc $<TARGET_OBJECTS:brainmm_core> win32/static.c ${BRAINMM_MALLOC}
    ${BRAINMM_WORK}/imports.c)
# -u: otherwise the linker takes nothing from it for a DLL in which only other libraries call malloc.
target_link_options(brainmm_malloc INTERFACE LINKER:-u,${BRAINMM_UNDERSCORE}malloc)

# ---- The companions -------------------------------------------------------------------------------------------------

set(BRAINMM_TITLE_borlndmm "BrainMM as the memory manager of Delphi and C++Builder programs")
set(BRAINMM_TITLE_brainmm_com "BrainMM as a class of COM")
set(BRAINMM_TITLE_fpcmemdll "BrainMM as the memory manager of Free Pascal programs")
set(BRAINMM_COMPANIONS borlndmm brainmm_com fpcmemdll)
foreach(BRAINMM_NAME ${BRAINMM_COMPANIONS})
    add_library(${BRAINMM_NAME} SHARED EXCLUDE_FROM_ALL win32/companions/${BRAINMM_NAME}.c win32/companions/companion.c
        win32/crt.c win32/companions/${BRAINMM_NAME}.def)
    brainmm_module(${BRAINMM_NAME} ${BRAINMM_NAME}.dll "${BRAINMM_TITLE_${BRAINMM_NAME}}"
        companion_entry${BRAINMM_STACK})
endforeach()
target_sources(brainmm_com PRIVATE win32/malloc_object.c)
target_link_options(brainmm_com PRIVATE -Wl,--enable-stdcall-fixup)
target_link_libraries(brainmm_com PRIVATE advapi32)

file(GLOB BRAINMM_REDIRECT CONFIGURE_DEPENDS win32/redirect/*.c)
set(BRAINMM_CRT ${BRAINMM_MALLOC})
list(FILTER BRAINMM_CRT EXCLUDE REGEX "/replace\\.c$")
add_library(brainmm_redirect SHARED EXCLUDE_FROM_ALL ${BRAINMM_REDIRECT} ${BRAINMM_CRT} src/base/text.c
    win32/companions/companion.c win32/crt.c win32/redirect/brainmm-malloc.def)
brainmm_module(brainmm_redirect brainmm-malloc.dll "BrainMM as the malloc of programs that were not built for it"
    malloc_dll_entry${BRAINMM_STACK})
set_target_properties(brainmm_redirect PROPERTIES ARCHIVE_OUTPUT_NAME brainmm-redirect)

add_executable(brainmm_run EXCLUDE_FROM_ALL win32/run/run.c win32/redirect/process.c src/base/text.c win32/crt.c)
string(REPLACE 12 0 BRAINMM_NOTHING "${BRAINMM_STACK}")
brainmm_module(brainmm_run brainmm-run.exe "Runs a program with BrainMM as its malloc" run_entry${BRAINMM_NOTHING})
target_link_options(brainmm_run PRIVATE -mconsole -Wl,--enable-reloc-section)

list(APPEND BRAINMM_COMPANIONS brainmm_redirect brainmm_run)
foreach(BRAINMM_NAME ${BRAINMM_COMPANIONS})
    target_link_libraries(${BRAINMM_NAME} PRIVATE kernel32 gcc)
endforeach()
set(BRAINMM_ALL)
if(CMAKE_SOURCE_DIR STREQUAL CMAKE_CURRENT_SOURCE_DIR)
    set(BRAINMM_ALL ALL)
endif()
add_custom_target(brainmm_companions ${BRAINMM_ALL} DEPENDS ${BRAINMM_COMPANIONS})
