/* SPDX-License-Identifier: MIT */
/* brainmm_com.c: the class of the heap's IMalloc, for programs that come to it through COM: CoCreateInstance with
 * CLSID_BrainMMMalloc, after `regsvr32 brainmm_com.dll`. Programs that know brainmm.h call brainmm_create_malloc
 * instead.
 *
 * The class factory is one static object without a count of its own; what counts is objects and locks of the DLL.
 */
#define COBJMACROS
#define CONST_VTABLE
#include "companion.h"
#include "malloc_object.h"
#include <string.h>
#include <windows.h>
/* windows.h first: they need its types */
#include <objidl.h>
#include <olectl.h>

/* {5D8F0C39-6A21-4E7B-93D4-B2A6E1F7C048} */
static const CLSID clsid_malloc = {0x5D8F0C39, 0x6A21, 0x4E7B, {0x93, 0xD4, 0xB2, 0xA6, 0xE1, 0xF7, 0xC0, 0x48}};
#define CLASS_KEY L"CLSID\\{5D8F0C39-6A21-4E7B-93D4-B2A6E1F7C048}"
#define SERVER_KEY CLASS_KEY L"\\InprocServer32"

static const IID iid_unknown = {0x00000000, 0, 0, {0xC0, 0, 0, 0, 0, 0, 0, 0x46}};
static const IID iid_factory = {0x00000001, 0, 0, {0xC0, 0, 0, 0, 0, 0, 0, 0x46}};

static malloc_counter alive; /* objects, and locks and references of the factory */

/* ---- The class factory ------------------------------------------------------------------------------------------ */

static ULONG STDMETHODCALLTYPE factory_add_ref(IClassFactory *factory) {
    (void)factory;
    return (ULONG)add_relaxed(&alive, 1) + 1;
}

static ULONG STDMETHODCALLTYPE factory_release(IClassFactory *factory) {
    (void)factory;
    return (ULONG)subtract_release(&alive, 1) - 1;
}

static HRESULT STDMETHODCALLTYPE factory_query_interface(IClassFactory *factory, REFIID iid, void **result) {
    if (!result)
        return E_POINTER;
    *result = NULL;
    if (!iid || (memcmp(iid, &iid_unknown, sizeof *iid) != 0 && memcmp(iid, &iid_factory, sizeof *iid) != 0))
        return E_NOINTERFACE;
    factory_add_ref(factory);
    *result = factory;
    return S_OK;
}

static HRESULT STDMETHODCALLTYPE factory_create_instance(IClassFactory *factory, IUnknown *outer, REFIID iid,
                                                         void **result) {
    (void)factory;
    if (!result)
        return E_POINTER;
    *result = NULL;
    if (outer)
        return CLASS_E_NOAGGREGATION;
    IMalloc *object = malloc_object_create(companion_heap, &alive);
    if (!object)
        return E_OUTOFMEMORY;
    HRESULT answer = IMalloc_QueryInterface(object, iid, result);
    IMalloc_Release(object);
    return answer;
}

static HRESULT STDMETHODCALLTYPE factory_lock_server(IClassFactory *factory, BOOL lock) {
    if (lock)
        factory_add_ref(factory);
    else
        factory_release(factory);
    return S_OK;
}

static const IClassFactoryVtbl factory_functions = {factory_query_interface, factory_add_ref, factory_release,
                                                    factory_create_instance, factory_lock_server};
static IClassFactory factory_object = {(IClassFactoryVtbl *)(uintptr_t)&factory_functions};

/* ---- The DLL ---------------------------------------------------------------------------------------------------- */

STDAPI DllGetClassObject(REFCLSID clsid, REFIID iid, void **result) {
    if (!result)
        return E_POINTER;
    *result = NULL;
    if (!clsid || memcmp(clsid, &clsid_malloc, sizeof *clsid) != 0)
        return CLASS_E_CLASSNOTAVAILABLE;
    return factory_query_interface(&factory_object, iid, result);
}

STDAPI DllCanUnloadNow(void) { return load_acquire(&alive) == 0 ? S_OK : S_FALSE; }

/* Sets a string below HKEY_CLASSES_ROOT. NAME NULL: the key's own. */
static bool set_value(const WCHAR *path, const WCHAR *name, const WCHAR *value) {
    HKEY key;
    DWORD length = 1;
    while (value[length - 1])
        length++;
    if (RegCreateKeyExW(HKEY_CLASSES_ROOT, path, 0, NULL, 0, KEY_SET_VALUE, NULL, &key, NULL) != ERROR_SUCCESS)
        return false;
    bool set =
        RegSetValueExW(key, name, 0, REG_SZ, (const BYTE *)value, length * (DWORD)sizeof *value) == ERROR_SUCCESS;
    RegCloseKey(key);
    return set;
}

static bool delete_key(const WCHAR *path) {
    LSTATUS status = RegDeleteKeyW(HKEY_CLASSES_ROOT, path);
    return status == ERROR_SUCCESS || status == ERROR_FILE_NOT_FOUND;
}

STDAPI DllUnregisterServer(void) {
    bool server = delete_key(SERVER_KEY), class = delete_key(CLASS_KEY);
    return server && class ? S_OK : SELFREG_E_CLASS;
}

/* A registration that fails leaves nothing behind. */
STDAPI DllRegisterServer(void) {
    static WCHAR path[32768];
    HMODULE self;
    if (!GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                            (const WCHAR *)(const void *)&factory_object, &self))
        return SELFREG_E_CLASS;
    DWORD length = GetModuleFileNameW(self, path, sizeof path / sizeof *path);
    if (length == 0 || length == sizeof path / sizeof *path)
        return SELFREG_E_CLASS;
    if (set_value(CLASS_KEY, NULL, L"BrainMM IMalloc") && set_value(SERVER_KEY, NULL, path) &&
        set_value(SERVER_KEY, L"ThreadingModel", L"Both"))
        return S_OK;
    DllUnregisterServer();
    return SELFREG_E_CLASS;
}
