# SPDX-License-Identifier: GPL-2.0-only
#
# What the suites of this directory have said in a log of the kernel:
#
#   awk -f ktap.awk EXPECTED LOG
#
# A line of EXPECTED is "SUITE RUNS CASE". Prints "ok WHAT", "not ok WHAT" or
# "skip WHAT # REASON" for each case of each run, and "# TEXT" in front of those
# that failed. A case that is not in the log has failed, and so has one that was
# skipped without a reason or is not expected.

function note(text) {
	if (notes[key]++ < 12)
		said[key] = said[key] "# " text "\n"
}

NR == FNR {
	order[++cases] = $1 SUBSEP $3
	runs[$1] = $2
	next
}

{
	sub(/\r$/, "")
	sub(/^\[ *[0-9]+\.[0-9]+\] /, "")
}

/^    # Subtest: static_call_/ {
	suite = $3
	run[suite]++
	points = 0
	key = suite SUBSEP run[suite] SUBSEP "(suite)"
	next
}

# What is said about a case comes before its result.
/^    # .*(FAILED|failed|timed out)/ && suite { pending[++npending] = $0; next }
/^    (Expected|    )/ && suite && !/^        (ok|not ok|KTAP|#) / {
	if (npending)
		pending[++npending] = $0
	next
}

/^        (not )?ok [0-9]/ && suite {
	points++
	if (/^        not ok/)
		pending[++npending] = $0
	if (/# SKIP/)
		pending[++npending] = $0
	next
}

/^    (not )?ok [0-9]+ / && suite {
	line = $0
	bad = sub(/^    not ok [0-9]+ /, "", line)
	sub(/^    ok [0-9]+ /, "", line)
	reason = ""
	skipped = 0
	if (match(line, / # SKIP/)) {
		skipped = 1
		reason = substr(line, RSTART + RLENGTH)
		sub(/^ */, "", reason)
		line = substr(line, 1, RSTART - 1)
	} else if (match(line, / #/)) {
		line = substr(line, 1, RSTART - 1)
	}
	key = suite SUBSEP run[suite] SUBSEP line
	for (i = 1; i <= npending; i++)
		note(pending[i])
	npending = 0
	got[key] = bad ? "not ok" : skipped && reason != "" ? "skip" : skipped ? "not ok" : "ok"
	tail[key] = points ? sprintf(" (%d points)", points) : ""
	if (skipped)
		tail[key] = tail[key] (reason != "" ? " # " reason : ": skipped without a reason")
	seen[++nseen] = key
	points = 0
	next
}

/^(not )?ok [0-9]+ static_call_/ { suite = "" }

END {
	for (i = 1; i <= cases; i++) {
		split(order[i], name, SUBSEP)
		for (r = 1; r <= runs[name[1]]; r++) {
			key = name[1] SUBSEP r SUBSEP name[2]
			known[key] = 1
			what = sprintf("%s, run %d: %s", name[1], r, name[2])
			if (!(key in got)) {
				print "not ok " what ": not in the log"
				continue
			}
			if (got[key] != "ok")
				printf "%s", said[key]
			print got[key] " " what tail[key]
		}
	}
	for (i = 1; i <= nseen; i++) {
		if (seen[i] in known)
			continue
		split(seen[i], name, SUBSEP)
		printf "not ok %s, run %d: %s: not expected\n", name[1], name[2], name[3]
	}
}
