# SPDX-License-Identifier: MIT
# list.awk: reads the table of targets (tools/target --table) and then tests/list; docs/testing.md explains its columns.
# It prints one line for each row and target:
#   TARGET KIND NEEDS NAME MODE SECONDS ARGUMENT...
# NEEDS is what a test needs: files, qemu or kernel.
# With -v files=1 it prints the file to build instead. Then -v only=NAMES leaves out the tests of other names.

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

NR == FNR {
    fact[$2, $3] = $4
    if ($1 == "target" && $3 == "SYSTEM") names[++count] = $2
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

{
    if ($1 != "test" && $1 != "helper" && $1 != "module") fail("unknown kind " $1)
    if (!($4 in on)) fail("unknown mode " $4)
    if ($4 == "pascal" && $2 ~ /_test$/) fail("a Pascal program is no suite of Check")
    if ($1 == "test" && $5 !~ /^[0-9]+$/) fail("a test needs its time in seconds")
    words = split($3, word, ",")
    targets = ""
    for (i = 1; i <= words; i++) {
        if (targets_of(word[i]) == "") fail("unknown target " word[i])
        targets = targets targets_of(word[i])
    }
    number = split(targets, each, " ")
    for (i = 1; i <= number; i++) {
        target = each[i]
        if (!index(on[$4] " ", " " target " ")) fail($4 " is for" on[$4])
        if (!files) {
            line = target " " $1 " " ($2 in needs ? needs[$2] : "kernel") " " $2 " " $4
            for (j = 5; j <= NF; j++) line = line " " $j
            print line
        } else if ($4 != "script" && ($1 != "test" || only == "" || index(" " only " ", " " $2 " "))) {
            print "build/" target "/tests/" $2 "-" $4 fact[target, $1 == "module" ? "DLL" : "EXE"]
        }
    }
}
