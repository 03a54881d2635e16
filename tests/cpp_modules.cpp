// SPDX-License-Identifier: MIT
/* cpp_modules.cpp: containers, smart pointers, pages, blocks and objects that one module has made are grown by another
 * one and freed by the program. The modules are linked with the library, with the static core, and with nothing. A
 * module is unloaded before another one grows what it has made. */
#include "cpp_module.h"

BRAINMM_REPLACE_NEW_AND_DELETE;

#if defined(_WIN32)
#define SUFFIX ".dll"
using loaded_module = HMODULE;
#else
#define SUFFIX ".so"
using loaded_module = void *;
#endif

struct party {
    const char *file;
    bool can_be_unloaded; /* a module with the static core stays */
    loaded_module loaded = nullptr;
    const cpp_module *functions = nullptr;

    void load() {
        cpp_module_get_function get = nullptr;
#if defined(_WIN32)
        loaded = LoadLibraryA(file);
        CHECK(loaded);
        FARPROC found = GetProcAddress(loaded, "cpp_module_get");
#else
        loaded = dlopen((std::string("./") + file).c_str(), RTLD_NOW | RTLD_LOCAL);
        if (!loaded)
            std::fprintf(stderr, "%s\n", dlerror());
        CHECK(loaded);
        void *found = dlsym(loaded, "cpp_module_get");
#endif
        CHECK(found);
        std::memcpy(&get, &found, sizeof get);
        functions = get();
    }

    void unload() {
#if defined(_WIN32)
        CHECK(FreeLibrary(loaded));
        bool is_loaded = GetModuleHandleA(file) != nullptr;
#else
        CHECK(dlclose(loaded) == 0);
        void *again = dlopen((std::string("./") + file).c_str(), RTLD_NOW | RTLD_NOLOAD);
        bool is_loaded = again != nullptr;
        if (again)
            dlclose(again);
#endif
        CHECK(!is_loaded || !can_be_unloaded);
    }
};

int main() {
    static party parties[] = {
        {"cpp_module-shared" SUFFIX, true},
        {"cpp_module_attached-plain" SUFFIX, true},
        {"cpp_module-core" SUFFIX, false},
    };
    /* What a module and its libraries allocate when they are loaded for the first time is not counted. */
    for (party &module : parties) {
        module.load();
        CHECK(module.functions->heap_id() == brainmm::manager()->heap_id);
        CHECK(module.functions->is_equal(*brainmm::resource()));
        CHECK(!module.functions->is_equal(*std::pmr::new_delete_resource()));
        module.unload();
    }
    for (party &first : parties)
        for (party &second : parties) {
            std::uint64_t before = live();
            {
                belongings things(brainmm::resource());
                first.load();
                first.functions->fill(things);
                first.unload();
                CHECK(things.object->y == 2 && is_ours(things.made_by_new) && is_ours(things.numbers.data()));
                second.load();
                second.functions->grow(things);
                second.unload();
                CHECK(things.numbers.size() == 5000 && things.numbers.back() == 4999 && things.queue.front() == 100);
                CHECK(things.texts.size() == 4500 && things.sorted.size() == 2500 && things.hashed.at(4999)[0] == 'a');
                CHECK(things.shared.size() == 5000 && things.pages.count() == 100 && things.block.size() == 0x10000);
                CHECK(things.object->y == 6 && things.made_by_new->y == 8);
                delete things.made_by_new;
                things.numbers.insert(things.numbers.begin(), 10000, 1);
            }
            CHECK(live() == before);
        }
    return 0;
}
