/* SPDX-License-Identifier: MIT */
#include "redirect/pe.h"
#include "base/text.h"

/* The two tables of imports. */
enum { STATIC_IMPORTS, DELAYED_IMPORTS };

bool pe_open(struct pe_image *image, void *module) {
    IMAGE_DOS_HEADER *dos = module;
    if (!module || dos->e_magic != IMAGE_DOS_SIGNATURE || dos->e_lfanew < (LONG)sizeof *dos || dos->e_lfanew > 0x1000)
        return false;
    image->base = module;
    image->headers = (IMAGE_NT_HEADERS *)(void *)(image->base + dos->e_lfanew);
    image->size = image->headers->OptionalHeader.SizeOfImage;
    return image->headers->Signature == IMAGE_NT_SIGNATURE &&
           image->headers->OptionalHeader.Magic == IMAGE_NT_OPTIONAL_HDR_MAGIC;
}

void *pe_at(const struct pe_image *image, size_t offset, size_t size) {
    return offset != 0 && offset < image->size && size <= image->size - offset ? image->base + offset : NULL;
}

const char *pe_text(const struct pe_image *image, size_t offset) {
    const char *text = pe_at(image, offset, 1);
    for (size_t end = offset; text && end < image->size; end++)
        if (image->base[end] == 0)
            return text;
    return NULL;
}

static const IMAGE_DATA_DIRECTORY *directory(const struct pe_image *image, unsigned number) {
    static const IMAGE_DATA_DIRECTORY none;
    const IMAGE_OPTIONAL_HEADER *header = &image->headers->OptionalHeader;
    return number < header->NumberOfRvaAndSizes ? &header->DataDirectory[number] : &none;
}

/* Fills the members that both kinds of imports have. */
static enum pe_step imports_open(const struct pe_image *image, size_t dll, size_t slots, size_t names,
                                 struct pe_imports *imports) {
    imports->dll = pe_text(image, dll);
    imports->slots = pe_at(image, slots, sizeof *imports->slots);
    imports->names = pe_at(image, names, sizeof *imports->names);
    imports->count = 0;
    if (!imports->dll || !imports->slots)
        return PE_BROKEN;
    /* The table of names ends where that of the slots does, and nobody has written to it. */
    const volatile pe_slot *words = imports->names ? imports->names : imports->slots;
    size_t first = (size_t)((const volatile char *)words - image->base);
    while (words[imports->count] != 0) {
        imports->count++;
        size_t behind = imports->count * sizeof *words;
        if (!pe_at(image, first + behind, sizeof *words) || !pe_at(image, slots + behind, sizeof *words))
            return PE_BROKEN;
    }
    return PE_IMPORTS;
}

static enum pe_step next_static(const struct pe_image *image, unsigned index, struct pe_imports *imports) {
    const IMAGE_DATA_DIRECTORY *table = directory(image, IMAGE_DIRECTORY_ENTRY_IMPORT);
    if (table->VirtualAddress == 0 || table->Size == 0)
        return PE_END;
    const IMAGE_IMPORT_DESCRIPTOR *one =
        pe_at(image, table->VirtualAddress + index * sizeof(IMAGE_IMPORT_DESCRIPTOR), sizeof *one);
    if (!one)
        return PE_BROKEN;
    if (one->Name == 0 || one->FirstThunk == 0)
        return PE_END;
    imports->bound = one->TimeDateStamp != 0;
    imports->delayed = false;
    return imports_open(image, one->Name, one->FirstThunk, one->OriginalFirstThunk, imports);
}

/* Early linkers wrote addresses where there are offsets today. */
static enum pe_step next_delayed(const struct pe_image *image, unsigned index, struct pe_imports *imports) {
    const IMAGE_DATA_DIRECTORY *table = directory(image, IMAGE_DIRECTORY_ENTRY_DELAY_IMPORT);
    if (table->VirtualAddress == 0 || table->Size == 0)
        return PE_END;
    const IMAGE_DELAYLOAD_DESCRIPTOR *one =
        pe_at(image, table->VirtualAddress + index * sizeof(IMAGE_DELAYLOAD_DESCRIPTOR), sizeof *one);
    if (!one)
        return PE_BROKEN;
    if (one->DllNameRVA == 0)
        return PE_END;
    size_t base = one->Attributes.RvaBased ? 0 : (size_t)image->base;
    imports->bound = false;
    imports->delayed = true;
    return imports_open(image, one->DllNameRVA - base, one->ImportAddressTableRVA - base,
                        one->ImportNameTableRVA - base, imports);
}

enum pe_step pe_next_imports(const struct pe_image *image, struct pe_position *position, struct pe_imports *imports) {
    if (position->table == STATIC_IMPORTS) {
        enum pe_step step = next_static(image, position->index++, imports);
        if (step != PE_END)
            return step;
        position->table = DELAYED_IMPORTS;
        position->index = 0;
    }
    return next_delayed(image, position->index++, imports);
}

const char *pe_import_name(const struct pe_image *image, const struct pe_imports *imports, size_t slot) {
    if (!imports->names || IMAGE_SNAP_BY_ORDINAL(imports->names[slot]))
        return NULL;
    return pe_text(image, imports->names[slot] + offsetof(IMAGE_IMPORT_BY_NAME, Name));
}

bool pe_import_is_unbound(const struct pe_imports *imports, size_t slot) {
    return imports->names && imports->slots[slot] == imports->names[slot];
}

/* The names are in order, as strcmp() has it. */
static int text_compare(const char *left, const char *right) {
    while (*left && *left == *right)
        left++, right++;
    return (unsigned char)*left - (unsigned char)*right;
}

DWORD *pe_export(const struct pe_image *image, const char *name) {
    const IMAGE_DATA_DIRECTORY *table = directory(image, IMAGE_DIRECTORY_ENTRY_EXPORT);
    const IMAGE_EXPORT_DIRECTORY *exports = pe_at(image, table->VirtualAddress, sizeof *exports);
    if (!exports || exports->NumberOfNames > image->size || exports->NumberOfFunctions > image->size)
        return NULL;
    DWORD *functions = pe_at(image, exports->AddressOfFunctions, exports->NumberOfFunctions * sizeof *functions);
    const DWORD *names = pe_at(image, exports->AddressOfNames, exports->NumberOfNames * sizeof *names);
    const WORD *numbers = pe_at(image, exports->AddressOfNameOrdinals, exports->NumberOfNames * sizeof *numbers);
    if (!functions || !names || !numbers)
        return NULL;
    for (size_t first = 0, last = exports->NumberOfNames; first < last;) {
        size_t middle = first + (last - first) / 2;
        const char *found = pe_text(image, names[middle]);
        int order = found ? text_compare(name, found) : 0;
        if (!found || (order == 0 && numbers[middle] >= exports->NumberOfFunctions))
            return NULL;
        if (order == 0)
            return &functions[numbers[middle]];
        if (order < 0)
            last = middle;
        else
            first = middle + 1;
    }
    return NULL;
}

bool pe_is_forwarder(const struct pe_image *image, DWORD offset) {
    const IMAGE_DATA_DIRECTORY *table = directory(image, IMAGE_DIRECTORY_ENTRY_EXPORT);
    return offset - table->VirtualAddress < table->Size;
}

bool pe_is_file(const char *dll, const char *file) {
    size_t i = 0, stem = text_length(file) - 4;
    for (; dll[i] && file[i]; i++) {
        char letter = dll[i] >= 'A' && dll[i] <= 'Z' ? (char)(dll[i] + ('a' - 'A')) : dll[i];
        if (letter != file[i])
            return false;
    }
    return !dll[i] && (i == stem || !file[i]);
}
