#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Breaks the code in ways that the scheduler and the fuzzer must notice: an order is weaker, a comparison is missing.

    tests/mutations.py [WORD...]     only those whose name contains one of the words

Each mutation is made in a copy of the tree, below build/, and its test is run as `make check` runs it. The test must
fail. By hand: it takes some minutes. docs/testing.md has the list.
"""
import pathlib
import shutil
import subprocess
import sys

top = pathlib.Path(__file__).resolve().parent.parent
copy = top / "build" / "mutations"
FOLDER = "build/linux-x86_64"

# name, file, what is there, what replaces it, how it is found, and the scenarios of a scheduler
MUTATIONS = [
    ("remote_push: acquire instead of acq_rel", "src/slab/remote.c", "exchange_weak_acq_rel(",
     "exchange_weak_acquire_retry(", "schedule_tsan", "remote_free batches abandoned"),
    ("slab_take_remote: relaxed", "src/slab/abandoned.c",
     "exchange_acquire(&slab->slab.remote, 0); /* with remote_push() in",
     "exchange_relaxed(&slab->slab.remote, 0); /* with remote_push() in", "schedule_tsan", "remote_free batches"),
    ("slab_take_remote: load and store", "src/slab/abandoned.c",
     "uint32_t word = exchange_acquire(&slab->slab.remote, 0); /* with remote_push() in",
     "uint32_t word = load_acquire(&slab->slab.remote); store_relaxed(&slab->slab.remote, 0); /*", "schedule",
     "remote_free batches"),
    ("slab_abandon: acquire instead of release", "src/slab/abandoned.c", "exchange_weak_release(&slab->slab.remote",
     "exchange_weak_acquire_retry(&slab->slab.remote", "schedule_tsan", "abandoned hand_over"),
    ("slab_abandon: not owned only after others see it", "src/slab/abandoned.c",
     "    if (offer == SLAB_LISTED) {\n        if (remote_count",
     "    store_relaxed(&slab->owner, NOBODY);\n    if (offer == SLAB_LISTED) {\n        if (remote_count", "schedule",
     "abandoned hand_over"),
    ("adopt: no comparison", "src/slab/remote.c", "if (!exchange_if_acquire(&slab->slab.remote, &word, 0))",
     "if (exchange_acquire(&slab->slab.remote, 0) == 0)", "schedule", "abandoned"),
    ("adopt: relaxed", "src/slab/remote.c", "if (!exchange_if_acquire(&slab->slab.remote, &word, 0))",
     "if (!exchange_weak_release(&slab->slab.remote, &word, 0))", "schedule_tsan", "adopted"),
    ("thread_heap_return: batches are not sent", "src/slab/thread_heap.c",
     "    remote_send_all(heap);\n    store_relaxed(&heap->thread_id, 0);", "    store_relaxed(&heap->thread_id, 0);",
     "schedule", "hand_over batches"),
    ("stack: no count of changes", "src/base/stack.h", "((head + STACK_CHANGE) &", "((head + 0) &", "schedule",
     "stacks"),
    ("stack_push: acquire instead of release", "src/base/stack.h", "exchange_weak_release(&stack->head",
     "exchange_weak_acquire_retry(&stack->head", "schedule_tsan", "stacks runs hand_over"),
    ("stack_pop: no comparison", "src/base/stack.h",
     "        if (exchange_weak_acquire_retry(&stack->head, &head, stack_next_head(head, below)))\n",
     "        store_relaxed(&stack->head, stack_next_head(head, below));\n", "schedule", "stacks"),
    ("unit_stock_take: load and store", "src/memory/unit_cache.h",
     "uint32_t number = exchange_acquire(&row->numbers[--row->top], 0);",
     "uint32_t number = load_acquire(&row->numbers[--row->top]); store_relaxed(&row->numbers[row->top], 0);",
     "schedule", "runs"),
    ("row_drain: load and store", "src/memory/unit_cache.c",
     "load_relaxed(&row->numbers[i]) ? exchange_acquire(&row->numbers[i], 0) : 0;",
     "load_relaxed(&row->numbers[i]); store_relaxed(&row->numbers[i], 0);", "schedule", "runs"),
    ("set_nothing: load and store", "src/heap/run.c", "return exchange_if_ordered(&run->kind, &expected, UNIT_NONE);",
     "return load_acquire(&run->kind) == expected && (store_relaxed(&run->kind, UNIT_NONE), true);", "schedule",
     "free_twice free_thrice"),
    ("run_announce_rights: no order_all", "src/heap/run.c", "    order_all();", "   ", "schedule", "rights"),
    ("set_inside: a run that was released meanwhile", "src/heap/rights.c", "if (kind == UNIT_NONE)", "if (false)",
     "schedule", "rights"),
    ("rights_are_changed: no lock", "src/heap/run.c", "        units_lock();\n        units_unlock();\n", "",
     "schedule", "rights"),
    ("lock: those who sleep are forgotten", "src/sync/lock.c", "if (take(name, word, id | waiters))",
     "if (take(name, word, id))", "schedule", "lock"),
    ("lock: nobody is woken", "src/sync/lock.c", "if (word & WAITERS)\n", "if (false)\n", "schedule", "lock"),
    ("lock: taken without a comparison", "src/sync/lock.c",
     "if (!exchange_if_acquire(&lock->word, &expected, mine)) {",
     "if (exchange_acquire(&lock->word, mine) != expected) {", "schedule", "lock"),
    ("lock_release: relaxed", "src/sync/lock.c", "exchange_release(&lock->word, 0)",
     "exchange_relaxed(&lock->word, 0)", "schedule_tsan", "lock"),
    ("lock: a dead owner's lock is taken by two", "src/sync/lock.c",
     "if (!os_thread_alive(owner) && take(name, owner | WAITERS, id | WAITERS))\n                return true;",
     "if (!os_thread_alive(owner)) {\n                store_relaxed(&locks[name].word, id | WAITERS);\n"
     "                return true;\n            }", "schedule", "dead_owner"),
    ("claim: a place is taken from another", "posix/linux/places.c", "MAP_PRIVATE | MAP_FIXED_NOREPLACE | flags",
     "MAP_PRIVATE | MAP_FIXED | flags", "schedule", "modules modules_no_files"),
    ("rendezvous: a claimed place counts as empty", "posix/linux/places.c", "return PLACE_UNFILLED;",
     "return PLACE_EMPTY;", "schedule", "modules_no_files"),
    ("slab_retire: no new generation", "src/slab/lifetime.c", "    generation_end(slab);\n", "", "schedule", "walk"),
    ("calls: a resize loses the last bytes", "src/heap/piece.c",
     "memcpy(moved, old, size < usable ? size : usable);", "memcpy(moved, old, (size < usable ? size : usable) / 2);",
     "calls", ""),
    ("calls: rights are not given back", "src/heap/run.c",
     "    bool other_rights = run_is_executable(run) || rights_are_changed(run);",
     "    bool other_rights = run_is_executable(run);", "calls", ""),
    ("calls: a mode is not compared", "src/heap/run.c", "(kind != UNIT_RUN && run_mode(run) != mode)", "false", "calls",
     ""),
    ("calls: a piece of slab that begins later is taken for one", "src/slab/slab_inside.h",
     "&& offset % object_size == 0;", "&& offset % 16 == 0;", "calls", ""),
    ("calls: the walk forgets what is freed remotely", "src/slab/remote.c",
     "    object_mark(object, slab);\n    uint32_t word", "    uint32_t word", "calls", ""),
    ("options: K is another number", "src/share/options.c", "    case 'K': return 10;", "    case 'K': return 11;",
     "options", ""),
    ("options: the beginning of a word is taken for it", "src/share/options.c",
     "return same == length && (words[length] == 0 || words[length] == '|');", "return same == length;", "options", ""),
    ("options: a text is not ended", "src/share/options.c", "        text[value_length] = 0;\n", "", "options", ""),
    ("handshake: a copy that lies elsewhere", "src/share/rendezvous.c", "if (copy->self != address)", "if (false)",
     "handshake", ""),
    ("handshake: the last function is not looked at", "src/share/rendezvous.c", "offset < size; offset += WORD",
     "offset + WORD < size; offset += WORD", "handshake", ""),
    ("handshake: the header takes a heap that has not started", "include/brainmm_attach.h",
     " || copy.heap_id == 0)", ")", "handshake", ""),
    ("handshake: the adapter passes a size of 0", "src/share/foreign.c", "foreign_owner.get_mem(size ? size : 1)",
     "foreign_owner.get_mem(size)", "handshake", ""),
]


def run(command):
    return subprocess.run(command, shell=True, cwd=copy, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace")


def make_copy():
    """Files that are right already keep their time, so that make builds only what was broken or mended."""
    for folder in ("src", "posix", "win32", "include", "tests", "make", "tools", "demos", "bench", "pascal"):
        for path in (top / folder).rglob("*"):
            if path.is_file():
                write(copy / path.relative_to(top), path)
    for page in ("Makefile", "Makefile.mingw", "brainmm.def"):
        write(copy / page, top / page)


def write(to, path):
    if not to.exists() or to.read_bytes() != path.read_bytes():
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, to)


def is_found(mode, scenarios):
    """Builds and runs. None: it was not built."""
    if mode.startswith("schedule"):
        program, test = f"schedule/scenarios-{mode}", f"setarch -R {FOLDER}/tests/schedule/scenarios-{mode} {scenarios}"
    else:
        program = f"fuzz/{mode}-fuzz"
        runs = {line.split()[5]: line.split()[6] for line in (top / "tests/list").read_text().splitlines()
                if line.startswith("test     fuzz ")}
        test = f"sh tests/fuzz.sh {mode} {runs[mode]}"
    built = run(f"make WERROR=0 -j2 {FOLDER}/tests/{program}")
    if built.returncode != 0:
        return None, built.stdout
    result = run(f"timeout 300 {test}")
    return result.returncode != 0, result.stdout


def main():
    found = wanted = 0
    copy.mkdir(parents=True, exist_ok=True)
    for name, file, before, after, mode, scenarios in MUTATIONS:
        if sys.argv[1:] and not any(word in name for word in sys.argv[1:]):
            continue
        make_copy()
        text = (copy / file).read_text()
        if text.count(before) == 0:
            sys.exit(f"{name}: {file} has no such text any more")
        (copy / file).write_text(text.replace(before, after, 1))
        was_found, output = is_found(mode, scenarios)
        wanted += 1
        found += was_found is True
        said = [line for line in output.splitlines() if "hold" in line or "SUMMARY" in line or "scenario " in line]
        print(f"{'found' if was_found else 'NOT FOUND' if was_found is False else 'NOT BUILT'}: {name}")
        print("    " + "\n    ".join(said[:2] if was_found else output.splitlines()[-8:]), flush=True)
    print(f"{found} of {wanted} mutations were found")
    sys.exit(found != wanted)


main()
