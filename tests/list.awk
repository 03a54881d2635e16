# list.awk: reads tests/list (docs/testing.md has its syntax) and prints one line for each row and target:
#   TARGET KIND NAME MODE SECONDS ARGUMENT...
# With -v files=1 it prints the file that must be built for the row instead.
BEGIN {
    linux = "linux-x86_64 linux-i386"
    windows = "win64 win32"
    split(linux " " windows, names, " ")
    for (i in names) known[names[i]] = 1
    split("core shared plain pascal preload asan ubsan tsan valgrind script", names, " ")
    for (i in names) modes[names[i]] = 1
}

function fail(why) {
    printf "%s:%d: %s\n", FILENAME, FNR, why >"/dev/stderr"
    exit 1
}

/^[ \t]*(#|$)/ { next }

{
    if ($1 != "test" && $1 != "helper" && $1 != "module") fail("unknown kind " $1)
    if (!($4 in modes)) fail("unknown mode " $4)
    if ($4 == "pascal" && $2 ~ /_test$/) fail("a Pascal program is no suite of Check")
    if ($1 == "test" && $5 !~ /^[0-9]+$/) fail("a test needs its time in seconds")
    targets = $3 == "all" ? linux " " windows : $3 == "linux" ? linux : $3 == "windows" ? windows : $3
    count = split(targets, each, /[ ,]/)
    for (i = 1; i <= count; i++) {
        target = each[i]
        if (!(target in known)) fail("unknown target " target)
        if ($4 == "preload" && target !~ /^linux/) fail($4 " is for Linux")
        if ($4 ~ /san$|valgrind/ && target != "linux-x86_64") fail($4 " is for linux-x86_64")
        if (!files) {
            line = target " " $1 " " $2 " " $4
            for (word = 5; word <= NF; word++) line = line " " $word
            print line
        } else if ($4 != "script") {
            suffix = target ~ /^linux/ ? ($1 == "module" ? ".so" : "") : ($1 == "module" ? ".dll" : ".exe")
            print "build/" target "/tests/" $2 "-" $4 suffix
        }
    }
}
