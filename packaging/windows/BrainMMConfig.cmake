# SPDX-License-Identifier: MIT
# BrainMMConfig.cmake: for find_package(BrainMM), in the archive for Windows. It defines
#   BrainMM::brainmm   brainmm.dll and its import library, for MinGW, Visual C++ and clang-cl
#   BrainMM::static    the static core, for MinGW
#   BrainMM::malloc    the malloc family of the C run-time over the heap, for a program or DLL, for MinGW
if(TARGET BrainMM::brainmm)
    return()
endif()
get_filename_component(BrainMM_root "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
set(BrainMM_folder "${BrainMM_root}/x86")
if(CMAKE_SIZEOF_VOID_P EQUAL 8)
    set(BrainMM_folder "${BrainMM_root}/x64")
endif()
if(NOT WIN32)
    set(BrainMM_FOUND FALSE)
    set(BrainMM_NOT_FOUND_MESSAGE "this is the archive for Windows")
endif()

add_library(BrainMM::brainmm SHARED IMPORTED)
set_target_properties(BrainMM::brainmm PROPERTIES
    IMPORTED_LOCATION "${BrainMM_folder}/brainmm.dll"
    IMPORTED_IMPLIB "${BrainMM_folder}/libbrainmm.dll.a"
    INTERFACE_INCLUDE_DIRECTORIES "${BrainMM_root}/include")
if(MSVC)
    set_target_properties(BrainMM::brainmm PROPERTIES IMPORTED_IMPLIB "${BrainMM_folder}/brainmm.lib")
else()
    add_library(BrainMM::static STATIC IMPORTED)
    set_target_properties(BrainMM::static PROPERTIES
        IMPORTED_LOCATION "${BrainMM_folder}/libbrainmm.a"
        INTERFACE_COMPILE_DEFINITIONS BRAINMM_STATIC
        INTERFACE_INCLUDE_DIRECTORIES "${BrainMM_root}/include")

    add_library(BrainMM::malloc STATIC IMPORTED)
    # -u: otherwise the linker takes nothing from it for a DLL in which only other libraries call malloc.
    set(BrainMM_malloc malloc)
    if(CMAKE_SIZEOF_VOID_P EQUAL 4)
        set(BrainMM_malloc _malloc)
    endif()
    set_target_properties(BrainMM::malloc PROPERTIES
        IMPORTED_LOCATION "${BrainMM_folder}/libbrainmm-malloc.a"
        INTERFACE_COMPILE_DEFINITIONS BRAINMM_STATIC
        INTERFACE_INCLUDE_DIRECTORIES "${BrainMM_root}/include"
        INTERFACE_LINK_OPTIONS "LINKER:-u,${BrainMM_malloc}")
    unset(BrainMM_malloc)
endif()
unset(BrainMM_root)
unset(BrainMM_folder)
