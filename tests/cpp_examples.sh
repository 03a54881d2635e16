#!/bin/sh
# SPDX-License-Identifier: MIT
# cpp_examples.sh: the examples of docs/cpp.md compile and work, with the options that its table gives: linked with the
# library, with the static core and with nothing. Without exceptions and RTTI a program works, and ends with a message
# when memory is out. A module with brainmm.hpp exports no function that depends on the module, and nothing in the
# header keeps it loaded. `make install` installs the header.
# shellcheck disable=SC2154,SC2086  # tools/target sets them; some are several words, or none
set -eu
top=$PWD
folder=$BUILD/tests/cpp_examples
rm -rf "$folder"
mkdir -p "$folder"
eval "$(tools/target "$TARGET")"
for file in libbrainmm.a "$library" "$import"; do cp "$BUILD/$file" "$folder/"; done
awk -v folder="$folder" '/^```cpp/ { file = folder "/example" ++count ".cpp"; next } /^```/ { file = "" }
    file { print >file }' docs/cpp.md
set -- "$folder"/example*.cpp
[ $# = 5 ] || { echo "docs/cpp.md does not have five examples"; exit 1; }

options="-std=c++17 -O1 -Wall -Wextra -Werror -I$top/include"
# A program on Windows contains the C++ run-time library, so that it does not look for that library's DLL.
link=
[ "$system" = linux ] || link=-static
[ -z "$loader" ] || link="-Wl,--dynamic-linker=$loader -Wl,-rpath,${loader%/*}"

cd "$folder"
fail() {
    echo "$*"
    exit 1
}
# run PROGRAM: its output is in the file `output`; the result is its exit code.
run() {
    # To a file, because Wine's server would keep a pipe open. Only Linux needs LD_LIBRARY_PATH.
    WINE_RUN_SECONDS=50 LD_LIBRARY_PATH=. ${run:+"$top/"$run} "./$1$exe" >output 2>&1 </dev/null
}
# works NAME FILE OPTION...: FILE becomes the program NAME, which ends with exit code 0.
works() {
    name=$1
    shift
    $cxx $arch $options "$@" $link -o "$name$exe" || fail "$name cannot be built"
    run "$name" || fail "$name ended with exit code $?: $(cat output)"
}

# ---- The examples -------------------------------------------------------------------------------------------------

for example in example?.cpp; do
    name=${example%.cpp}
    case $(head -n 1 "$example") in
    *BRAINMM_USE_ATTACH*) works "$name-attached" "$example" ;;
    *)
        works "$name-linked" "$example" "$import"
        works "$name-static" "$example" -DBRAINMM_STATIC libbrainmm.a $static
        # The functions of brainmm.h are not there if nothing is linked.
        grep -q 'brainmm_[a-z_]*(' "$example" || works "$name-attached" "$example" -DBRAINMM_USE_ATTACH
        ;;
    esac
done
mkdir alone
cp example5-attached"$exe" alone/
cd alone
! run example5-attached || fail "there was no library, but the example found a heap"
grep -q '^no heap: no heap is published' output || fail "without the library the example says: $(cat output)"
cd ..

# The standard library's own forms of what the macro leaves out would call the others, and hide that.
$cxx $arch $options -c -o example4.o example4.cpp
operators=$("$nm" --demangle example4.o | grep -c ' T operator \(new\|delete\)')
[ "$operators" = 20 ] || fail "BRAINMM_REPLACE_NEW_AND_DELETE defines $operators operators, and C++17 has 20"

# ---- Without exceptions and RTTI ----------------------------------------------------------------------------------

cat >bare.cpp <<'END'
#include <brainmm.hpp>
#include <vector>

BRAINMM_REPLACE_NEW_AND_DELETE;

static int handled;
static void handler() {
    handled++;
    std::set_new_handler(nullptr);
}

int main(int argc, char **) {
    std::vector<int, brainmm::allocator<int>> numbers(1000, 7);
    auto *resource = brainmm::resource();
    brainmm::heap_resource other;
    volatile std::size_t most = SIZE_MAX - 4096;
    std::set_new_handler(handler);
    if (numbers[999] != 7 || !(*resource == *resource) || *resource == other || operator new(most, std::nothrow) ||
        handled != 1 || brainmm::pages(std::nothrow, most))
        return 1;
    if (argc > 100)
        numbers.resize(1);
#if defined(BY_NEW)
    return operator new(most) != nullptr;
#elif defined(BY_ARRAY)
    return brainmm::make_unique<int[]>(SIZE_MAX).get() != nullptr;
#elif defined(BY_PAGES)
    return brainmm::pages(most).data() != nullptr;
#else
    return 0;
#endif
}
END
works bare bare.cpp "$import" -fno-exceptions -fno-rtti
for way in BY_NEW BY_ARRAY BY_PAGES; do
    $cxx $arch $options bare.cpp "$import" -fno-exceptions -fno-rtti -D$way $link -o "$way$exe"
    ! run $way || fail "$way did not end the program"
    grep -q '^BrainMM: not enough memory' output || fail "$way says: $(cat output)"
done

# ---- Two files of a module, and what the module exports -----------------------------------------------------------

# The examples are the files of one module. The second one is to work without brainmm.h's functions, too.
{
    sed 's/main()/first_file()/' example1.cpp
    echo 'int second_file();'
    echo 'int main() { return first_file() + second_file(); }'
} >first.cpp
sed 's/main()/second_file()/
    s/static_cast<char \*>(brainmm_alloc(20))/new (brainmm::make_bytes(20).release()) char[20]/' \
    example2.cpp >second.cpp
sed 's/main()/third_file()/' example3.cpp >third.cpp
works two-linked first.cpp second.cpp "$import"
works two-attached first.cpp second.cpp -DBRAINMM_USE_ATTACH
if [ "$system" = linux ]; then
    for optimize in -O0 -O2; do
        $cxx $arch $options $optimize -DBRAINMM_USE_ATTACH -fPIC -shared -o module.so first.cpp second.cpp third.cpp
        "$nm" --dynamic --demangle --defined-only module.so >symbols
        grep -q 'brainmm::heap_resource' symbols || fail "the module has no symbols of brainmm.hpp"
        ! grep 'brainmm::\(manager\|resource\)(\|brainmm::detail::heap_\|brainmm_attach' symbols ||
            fail "these functions must be the module's own"
        ! grep ' u .*brainmm' symbols || fail "these symbols keep a module loaded for ever"
    done
fi

# ---- make install -------------------------------------------------------------------------------------------------

if [ "$TARGET" = linux-x86_64 ]; then
    (cd "$top" && make -s install DESTDIR="$top/$folder/installed" prefix=/usr) >output 2>&1 || fail "$(cat output)"
    cmp "$top/include/brainmm.hpp" installed/usr/include/brainmm.hpp
fi
