#!/bin/sh
# SPDX-License-Identifier: MIT
# library_windows.sh: how brainmm.dll is linked. It imports kernel32 only, so that another DLL's DllMain can load it. It
# and the other files for Windows import only functions that Windows 7 has. It is relocatable, has no executable data,
# and does not contain the time of its build. Its debug information is in a file beside it. Neither the DLL nor the
# static core uses emulated thread-local storage.
# shellcheck disable=SC2154  # tools/target sets them
set -eu
status=0
fail() {
    echo "$*"
    status=1
}
eval "$(tools/target "$TARGET")"
dump=$(TZ=UTC "$objdump" -p "$BUILD/brainmm.dll")

imports=$(echo "$dump" | sed -n 's/.*DLL Name: //p' | tr '[:upper:]' '[:lower:]' | sort)
for name in $imports; do
    case $name in
    kernel32.dll) ;;
    *) fail "imports $name" ;;
    esac
done
[ -n "$imports" ] || fail "imports nothing"

# All of them are older than Windows 7; GetTickCount64, of Vista, is the newest. The companions and the redirection need
# a few more, of which came with Windows 7 itself. Before a function is added here, look up which
# Windows has it first. One that is newer is to be found by GetProcAddress, or docs/systems.md changes.
cat >"$BUILD/tests/library_windows.known" <<'END'
CloseHandle CreateEventA CreateEventW CreateFileMappingA CreateFileMappingW CreateFileW CreateThread DebugBreak
FlushInstructionCache GetCurrentProcess GetCurrentProcessId GetCurrentThreadId GetEnvironmentVariableW GetLastError
GetModuleFileNameW GetModuleHandleExW GetModuleHandleW GetProcAddress GetStdHandle GetSystemInfo GetTickCount64
MapViewOfFile MultiByteToWideChar OpenFileMappingW OpenThread OutputDebugStringA QueryPerformanceCounter ReadFile
ReadProcessMemory RtlLookupFunctionEntry SetEnvironmentVariableW SetEvent SetLastError Sleep TerminateProcess TlsAlloc
TlsGetValue TlsSetValue UnmapViewOfFile VirtualAlloc VirtualFree VirtualProtect VirtualQuery WaitForSingleObject
WideCharToMultiByte WriteFile
END
cat - "$BUILD/tests/library_windows.known" >"$BUILD/tests/library_windows.more" <<'END'
AcquireSRWLockExclusive AssignProcessToJobObject CompareStringOrdinal CreateJobObjectW CreateProcessW
DisableThreadLibraryCalls DuplicateHandle ExitProcess FormatMessageW FreeLibrary GetCommandLineW GetConsoleMode
GetExitCodeProcess GetFileAttributesA GetFileAttributesW GetModuleFileNameA GetModuleHandleA GetModuleHandleExA
GetShortPathNameW GetStartupInfoW IsWow64Process K32EnumProcessModules LoadLibraryExW LocalAlloc LocalFree
RegCloseKey RegCreateKeyExW RegDeleteKeyW RegSetValueExW ReleaseSRWLockExclusive ResumeThread SearchPathW
SetConsoleCtrlHandler SetFilePointer SetInformationJobObject VirtualAllocEx VirtualFreeEx VirtualProtectEx
VirtualQueryEx WriteConsoleW WriteProcessMemory lstrcmpiW lstrlenW
END
# old_imports FILE KNOWN: FILE imports no function that is not in the list.
old_imports() {
    "$objdump" -p "$BUILD/$1" | awk '/DLL Name:/ { on = 1 } !NF { on = 0 }
        on && NF == 3 && $2 ~ /^[0-9]+$/ { print $3 }' >"$BUILD/tests/library_windows.functions"
    [ -s "$BUILD/tests/library_windows.functions" ] || fail "$1 imports no function"
    while read -r name; do
        grep -qw "$name" "$BUILD/tests/library_windows.$2" ||
            fail "$1 imports $name, and nobody says that Windows 7 has it"
    done <"$BUILD/tests/library_windows.functions"
    version=$("$objdump" -p "$BUILD/$1" | sed -n 's/^MajorSubsystemVersion[[:space:]]*//p')
    [ "$version" -le 6 ] || fail "$1 does not start before version $version of Windows"
}
old_imports brainmm.dll known
others=0
for file in "$BUILD"/*.dll "$BUILD"/*.exe; do
    others=$((others + 1))
    old_imports "${file##*/}" more
done
[ $others -ge 6 ] || fail "only $others files for Windows were looked at"

flags="DYNAMIC_BASE NX_COMPAT"
[ "$fpc_cpu" = i386 ] || flags="$flags HIGH_ENTROPY_VA"
for flag in $flags; do
    echo "$dump" | grep -qw "$flag" || fail "lacks $flag"
done
sections=$("$objdump" -h "$BUILD/brainmm.dll")
echo "$sections" | grep -q '\.reloc' || fail "cannot be relocated"
echo "$sections" | grep -q '\.rsrc' || fail "has no version resource"
echo "$dump" | grep -Eq '^AddressOfEntryPoint[[:space:]]+0*[1-9a-f]' || fail "has no entry point"
echo "$dump" | grep -Eq '^Time/Date[[:space:]]+(Thu Jan +1 00:00:00 1970|0*$)' || fail "contains the time of its build"

! echo "$sections" | grep '\.debug' || fail "is not stripped"
size=$(wc -c <"$BUILD/brainmm.dll")
[ "$size" -lt 262144 ] || fail "has $size bytes"
. tests/debug_file.sh
debug_file brainmm.dll

for file in "$BUILD/obj/linked/brainmm.dll" "$BUILD/libbrainmm.a"; do
    ! "$nm" "$file" | grep __emutls || fail "$file uses emulated thread-local storage"
done
exit $status
