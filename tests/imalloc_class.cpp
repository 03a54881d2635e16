// SPDX-License-Identifier: MIT
/* imalloc_class.cpp: a client in C++ gets the heap's IMalloc from COM. brainmm_com.dll registers its class, and
 * CoCreateInstance makes objects of it in threads of both kinds of apartment. */
#include "brainmm_attach.h"
#include <windows.h>
/* windows.h first: they need its types */
#include <objbase.h>
#include <objidl.h>
#include <olectl.h>
#include <cstdio>
#include <cstring>

#define CHECK(cond)                                                                                                    \
    do {                                                                                                               \
        if (!(cond)) {                                                                                                 \
            std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #cond);                             \
            std::fflush(stderr);                                                                                       \
            TerminateProcess(GetCurrentProcess(), 1);                                                                  \
        }                                                                                                              \
    } while (0)

static const CLSID clsid_malloc = {0x5D8F0C39, 0x6A21, 0x4E7B, {0x93, 0xD4, 0xB2, 0xA6, 0xE1, 0xF7, 0xC0, 0x48}};
static const IID iid_unknown = {0x00000000, 0, 0, {0xC0, 0, 0, 0, 0, 0, 0, 0x46}};
static const IID iid_factory = {0x00000001, 0, 0, {0xC0, 0, 0, 0, 0, 0, 0, 0x46}};
static const IID iid_malloc = {0x00000002, 0, 0, {0xC0, 0, 0, 0, 0, 0, 0, 0x46}};

typedef HRESULT(STDAPICALLTYPE *dll_function)();
typedef HRESULT(STDAPICALLTYPE *dll_get_class_object)(REFCLSID clsid, REFIID iid, void **result);

template <typename function> static function look_up(HMODULE library, const char *name) {
    FARPROC found = GetProcAddress(library, name);
    function result;
    CHECK(found != nullptr);
    std::memcpy(&result, &found, sizeof result);
    return result;
}

static void use_malloc(IMalloc *object) {
    const struct brainmm_manager *heap = brainmm_attach();
    char *piece = static_cast<char *>(object->Alloc(500));
    CHECK(heap && piece && object->GetSize(piece) >= 500 && object->DidAlloc(piece) == 1);
    CHECK(heap->usable_size(piece) == object->GetSize(piece)); /* it is the process's heap */
    std::memset(piece, 7, 500);
    piece = static_cast<char *>(object->Realloc(piece, 100000));
    CHECK(piece && piece[499] == 7);
    object->Free(piece);
    CHECK(object->DidAlloc(piece) == 0 && object->DidAlloc(nullptr) == -1);
    object->HeapMinimize();
}

static DWORD WINAPI apartment(void *flags) {
    IMalloc *object = nullptr;
    CHECK(SUCCEEDED(CoInitializeEx(nullptr, static_cast<DWORD>(reinterpret_cast<UINT_PTR>(flags)))));
    CHECK(CoCreateInstance(clsid_malloc, nullptr, CLSCTX_INPROC_SERVER, iid_malloc,
                           reinterpret_cast<void **>(&object)) == S_OK);
    use_malloc(object);
    CHECK(object->Release() == 0);
    CoUninitialize();
    return 0;
}

int main() {
    HMODULE library = LoadLibraryA("brainmm_com.dll");
    CHECK(library != nullptr);
    dll_get_class_object get_class_object = look_up<dll_get_class_object>(library, "DllGetClassObject");
    dll_function can_unload = look_up<dll_function>(library, "DllCanUnloadNow");
    dll_function register_server = look_up<dll_function>(library, "DllRegisterServer");
    dll_function unregister_server = look_up<dll_function>(library, "DllUnregisterServer");

    /* The DLL without COM. */
    void *found = library;
    CHECK(can_unload() == S_OK);
    CHECK(get_class_object(iid_malloc, iid_factory, &found) == CLASS_E_CLASSNOTAVAILABLE && found == nullptr);
    CHECK(get_class_object(clsid_malloc, iid_malloc, &found) == E_NOINTERFACE && found == nullptr);
    CHECK(get_class_object(clsid_malloc, iid_factory, nullptr) == E_POINTER);
    CHECK(get_class_object(clsid_malloc, iid_factory, &found) == S_OK && can_unload() == S_FALSE);
    IClassFactory *factory = static_cast<IClassFactory *>(found);
    IUnknown *unknown = nullptr;
    CHECK(factory->CreateInstance(factory, iid_unknown, &found) == CLASS_E_NOAGGREGATION && found == nullptr);
    CHECK(factory->CreateInstance(nullptr, iid_factory, &found) == E_NOINTERFACE && found == nullptr);
    CHECK(factory->CreateInstance(nullptr, iid_unknown, reinterpret_cast<void **>(&unknown)) == S_OK);
    CHECK(factory->LockServer(TRUE) == S_OK);
    factory->Release();
    CHECK(can_unload() == S_FALSE);
    CHECK(unknown->Release() == 0 && can_unload() == S_FALSE);
    CHECK(factory->LockServer(FALSE) == S_OK && can_unload() == S_OK);

    /* Through COM. Only one test at a time may do this, because all share the registry. */
    HANDLE registry = CreateMutexA(nullptr, FALSE, "BrainMM test: the class is registered");
    CHECK(registry && WaitForSingleObject(registry, 60000) != WAIT_TIMEOUT);
    CHECK(register_server() == S_OK && register_server() == S_OK);
    static const DWORD kinds[] = {COINIT_APARTMENTTHREADED, COINIT_MULTITHREADED};
    for (DWORD flags : kinds) {
        HANDLE thread =
            CreateThread(nullptr, 0, apartment, reinterpret_cast<void *>(static_cast<UINT_PTR>(flags)), 0, nullptr);
        CHECK(thread && WaitForSingleObject(thread, 60000) == WAIT_OBJECT_0);
        CloseHandle(thread);
    }
    CHECK(can_unload() == S_OK);
    CHECK(unregister_server() == S_OK && unregister_server() == S_OK);
    CHECK(SUCCEEDED(CoInitializeEx(nullptr, COINIT_MULTITHREADED)));
    CHECK(CoCreateInstance(clsid_malloc, nullptr, CLSCTX_INPROC_SERVER, iid_malloc, &found) == REGDB_E_CLASSNOTREG);
    CHECK(ReleaseMutex(registry));
    CoUninitialize();
    return 0;
}
