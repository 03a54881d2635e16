# SPDX-License-Identifier: MIT
# list.awk: reads the table of targets (tools/target --table) and then tests/list; docs/testing.md explains its columns.
# It prints one line for each row and target:
#   TARGET KIND NEEDS NAME MODE SECONDS ARGUMENT...
# NEEDS is what a test needs: files, qemu or kernel.
# With -v files=1 it prints the file to build instead. Then -v only=NAMES leaves out the tests of other names.
#
# With -v ports=1 it does the same for the ports. It then reads tests/ports/list before tests/list. NEEDS can also be
# cannot:REASON, which is a word of that list; no file is built for such a row.

function fail(why) {
    printf "%s:%d: %s\n", FILENAME, FNR, why >"/dev/stderr"
    exit 1
}

# The names of targets that WORD stands for: all, a system, or a target.
function targets_of(word,    found, k) {
    for (k = 1; k <= count; k++)
        if (word == "all" || word == names[k] || word == fact[names[k], "SYSTEM"]) found = found " " names[k]
    return found
}

# The same of words with commas between them.
function targets_of_all(list,    words, word, found, each, i) {
    words = split(list, word, ",")
    for (i = 1; i <= words; i++) {
        each = targets_of(word[i])
        if (each == "" && !(ports && word[i] in is_known)) fail("unknown target " word[i])
        found = found each
    }
    return found
}

# Puts down, for each target of the row and each name from field FIRST on, that it has VALUE.
function put_down(table, first, value,    number, each, i, k) {
    number = split(targets_of_all($2), each, " ")
    for (i = 1; i <= number; i++)
        for (k = first; k <= NF; k++) table[each[i], $k] = value
}

NR == FNR {
    fact[$2, $3] = $4
    if ($1 == "target" && $3 == "SYSTEM") {
        is_known[$2]
        is_known[$4]
    }
    # This fact comes after SYSTEM.
    if ($1 == "target" && $3 == "PORT" && (ports ? $4 == "yes" : $4 == "")) names[++count] = $2
    # A mode is for certain targets, or for all.
    if ($1 == "mode" && $3 == "ON") {
        on[$2] = NF == 3 ? targets_of("all") : ""
        for (i = 4; i <= NF; i++) on[$2] = on[$2] targets_of($i)
    }
    next
}

/^[ \t]*(#|$)/ { next }

# These rows stand before the tests that they name.
$1 == "files" || $1 == "qemu" {
    for (i = 2; i <= NF; i++) needs[$i] = $1
    next
}
ports && $1 == "run" { put_down(runs, 3, 1); next }
ports && $1 == "reason" { reasons[$2]; next }
ports && $1 == "cannot" {
    if (!($3 in reasons)) fail("unknown reason " $3)
    put_down(cannot, 4, $3)
    next
}

{
    if ($1 != "test" && $1 != "helper" && $1 != "module") fail("unknown kind " $1)
    if (!($4 in on)) fail("unknown mode " $4)
    if ($4 == "pascal" && $2 ~ /_test$/) fail("a Pascal program is no suite of Check")
    if ($1 == "test" && $5 !~ /^[0-9]+$/) fail("a test needs its time in seconds")
    number = split(targets_of_all($3), each, " ")
    for (i = 1; i <= number; i++) {
        target = each[i]
        need = $2 in needs ? needs[$2] : "kernel"
        if (ports && FILENAME !~ /ports\/list$/) {
            # Rows of tests/list, which say "all" or a system
            if (!((target, "*") in runs || (target, $2) in runs || (target, $2 "-" $4) in runs)) continue
            if ($4 == "pascal" && fact[target, "FPC_CPU"] == "") continue
            if (!index(on[$4] " ", " " target " ")) continue
            if ((target, $2) in cannot) need = "cannot:" cannot[target, $2]
            if ((target, $2 "-" $4) in cannot) need = "cannot:" cannot[target, $2 "-" $4]
        }
        if (!index(on[$4] " ", " " target " ")) fail($4 " is for" on[$4])
        if (!files) {
            line = target " " $1 " " need " " $2 " " $4
            for (j = 5; j <= NF; j++) line = line " " $j
            print line
        } else if (need !~ /^cannot/ && $4 != "script" &&
                   ($1 != "test" || only == "" || index(" " only " ", " " $2 " "))) {
            print "build/" target "/tests/" $2 "-" $4 fact[target, $1 == "module" ? "DLL" : "EXE"]
        }
    }
}
