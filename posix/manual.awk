# SPDX-License-Identifier: MIT
# manual.awk: the functions of brainmm.h for brainmm(3), as Markdown. So the manual says what the header says. Used by
# install.sh:
#   awk -f posix/manual.awk include/brainmm.h
# A comment that stands directly before functions is theirs. One with an empty line behind it is its section's, and so
# is a section's first one, if it is long. What belongs to types, constants and macros is left to the header.

# What Markdown would take for its own
function plain(text) {
    gsub(/`/, "", text)
    gsub(/[*_<>]/, "\\\\&", text)
    return text
}

function section_begin() {
    if (section != "")
        print "## " section "\n"
    section = ""
}

function paragraphs(indent, text,    count, lines, i) {
    count = split(text, lines, "\n")
    for (i = 1; i <= count; i++)
        print (lines[i] == "" ? "" : (i > 1 ? indent : "") plain(lines[i]))
    print ""
}

/^\/\* ---- / {
    section = $0
    gsub(/^\/\* -+ | -+ \*\/$/, "", section)
    is_first = 1
    comment = ""
    next
}

/^\/\*/ { in_comment = 1; comment = "" }

in_comment {
    line = $0
    ends = line ~ /\*\/$/
    gsub(/^\/\* ?|^ \* ?|^ \*\/$| \*\/$/, "", line)
    sub(/^     *- /, "- ", line)
    sub(/^  - /, "- ", line)
    comment = comment (comment == "" ? "" : "\n") line
    if (ends)
        in_comment = 0
    next
}

/^struct [A-Za-z]+;$/ { next }

/^BRAINMM_API .*BRAINMM_CALL/ { in_function = 1; prototype = "" }

in_function {
    line = $0
    gsub(/^ +/, " ", line)
    prototype = prototype line
    if (line !~ /;$/)
        next
    in_function = is_first = 0
    gsub(/BRAINMM_(API|CALL) /, "", prototype)
    gsub(/\(BRAINMM_CALL \*/, "(*", prototype)
    section_begin()
    # Functions that share a comment stand one below the other.
    prototypes = prototypes (prototypes == "" ? "" : " ") "`" prototype "`"
    next
}

{
    if (prototypes != "") {
        printf "%s\n:   ", prototypes
        paragraphs("    ", comment)
        comment = prototypes = ""
    } else if (comment != "" && ($0 == "" ? !in_definition : is_first && gsub(/\n/, "&", comment) > 2)) {
        section_begin()
        paragraphs("", comment)
        comment = ""
    } else if ($0 == "") {
        comment = ""
    }
    in_definition = $0 != "" # of a type or constant; a function may follow that shares the comment
    is_first = is_first && $0 == ""
}
