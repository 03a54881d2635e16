/* SPDX-License-Identifier: MIT */
/* imalloc_com.c: a client in C gets the heap's IMalloc from COM and uses the declarations of the real objidl.h.
 * brainmm_com.dll registers its class, CoCreateInstance makes an object, and every method does what COM's documentation
 * says. imalloc_class.cpp tests the DLL without COM and clients in C++. */
#define COBJMACROS
#include "brainmm_attach.h"
#include "heap_support.h"
#include <windows.h>
/* windows.h first: they need its types */
#include <objbase.h>
#include <objidl.h>

static const CLSID clsid_malloc = {0x5D8F0C39, 0x6A21, 0x4E7B, {0x93, 0xD4, 0xB2, 0xA6, 0xE1, 0xF7, 0xC0, 0x48}};
static const IID iid_unknown = {0x00000000, 0, 0, {0xC0, 0, 0, 0, 0, 0, 0, 0x46}};
static const IID iid_malloc = {0x00000002, 0, 0, {0xC0, 0, 0, 0, 0, 0, 0, 0x46}};

typedef HRESULT(STDAPICALLTYPE *dll_function)(void);

static dll_function look_up(HMODULE library, const char *name) {
    FARPROC found = GetProcAddress(library, name);
    dll_function result;
    CHECK(found != NULL);
    memcpy(&result, &found, sizeof result);
    return result;
}

static void use_malloc(IMalloc *object) {
    const struct brainmm_manager *heap = brainmm_attach();
    char on_stack[32] = {0}, *piece = IMalloc_Alloc(object, 500), *empty = IMalloc_Alloc(object, 0);
    CHECK(heap && piece && empty && piece != empty);
    CHECK(IMalloc_GetSize(object, piece) >= 500 && IMalloc_GetSize(object, NULL) == (SIZE_T)-1);
    CHECK(heap->usable_size(piece) == IMalloc_GetSize(object, piece)); /* it is the process's heap */
    CHECK(IMalloc_DidAlloc(object, piece) == 1 && IMalloc_DidAlloc(object, empty) == 1);
    CHECK(IMalloc_DidAlloc(object, on_stack) == 0 && IMalloc_DidAlloc(object, NULL) == -1);
    memset(piece, 7, 500);
    piece = IMalloc_Realloc(object, piece, 100000);
    CHECK(piece && piece[0] == 7 && piece[499] == 7);
    CHECK(IMalloc_Realloc(object, piece, PTRDIFF_MAX) == NULL && piece[499] == 7);
    CHECK(IMalloc_Alloc(object, PTRDIFF_MAX) == NULL && IMalloc_Alloc(object, SIZE_MAX) == NULL);
    CHECK(IMalloc_Realloc(object, piece, 0) == NULL && IMalloc_DidAlloc(object, piece) == 0);
    piece = IMalloc_Realloc(object, NULL, 20);
    CHECK(piece && heap->free(piece) == BRAINMM_OK); /* freed through the table that this module has found */
    IMalloc_Free(object, empty);
    IMalloc_Free(object, NULL);
    IMalloc_HeapMinimize(object);
}

static void use_identity(IMalloc *object) {
    IUnknown *unknown = NULL, *again = NULL;
    IMalloc *same = NULL;
    CHECK(IMalloc_QueryInterface(object, &iid_unknown, (void **)&unknown) == S_OK);
    CHECK(IMalloc_QueryInterface(object, &iid_malloc, (void **)&same) == S_OK);
    CHECK(IMalloc_QueryInterface(same, &iid_unknown, (void **)&again) == S_OK && again == unknown);
    CHECK(IMalloc_QueryInterface(object, &clsid_malloc, (void **)&again) == E_NOINTERFACE && again == NULL);
    CHECK(IMalloc_AddRef(object) == 5 && IMalloc_Release(object) == 4);
    CHECK(IUnknown_Release(unknown) == 3 && IUnknown_Release(unknown) == 2 && IMalloc_Release(same) == 1);
}

int main(void) {
    IMalloc *object = NULL;
    watchdog_start(100);
    HANDLE registry = CreateMutexA(NULL, FALSE, "BrainMM test: the class is registered"); /* the registry is shared */
    CHECK(registry != NULL && WaitForSingleObject(registry, 60000) != WAIT_TIMEOUT);
    HMODULE library = LoadLibraryA("brainmm_com.dll");
    CHECK(library != NULL);
    CHECK(look_up(library, "DllRegisterServer")() == S_OK);
    CHECK(SUCCEEDED(CoInitializeEx(NULL, COINIT_APARTMENTTHREADED)));
    CHECK(CoCreateInstance(&clsid_malloc, NULL, CLSCTX_INPROC_SERVER, &iid_malloc, (void **)&object) == S_OK);
    use_malloc(object);
    use_identity(object);
    CHECK(IMalloc_Release(object) == 0 && look_up(library, "DllCanUnloadNow")() == S_OK);
    CoUninitialize();
    CHECK(look_up(library, "DllUnregisterServer")() == S_OK);
    CHECK(ReleaseMutex(registry));
    return TEST_PASSED;
}
