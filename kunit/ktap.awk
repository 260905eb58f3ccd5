# SPDX-License-Identifier: GPL-2.0
# From the log of a kernel that ran KUnit suites: the KTAP, with one more test
# at the end that fails if the kernel complained of anything.
#
# With -v quiet=1 only the status is of interest.

function complaint(line)
{
	return line ~ /(WARNING|BUG|UBSAN|Oops|kernel panic|Kernel panic)[: ]/ ||
	       line ~ /INFO: (possible|trying|suspicious|task|rcu|inconsistent)/ ||
	       line ~ /rcu: INFO:|sleeping function called|Unable to handle|general protection|\[ cut here \]|ODEBUG:|Modules linked in:|Kernel tried to/ ||
	       line ~ /kmemleak: [A-Z]/ && line !~ /kmemleak: (Kernel .* initialized|Automatic)/
}

# What kmemleak says in the end, see kunit/leaks.c; of many, some.  What the task
# that boots has lost is KUnit's: its logs, where not all suites are run.
function leak(line)
{
	if (line ~ /kmemleak: unreferenced object/) {
		found = line
		lost = 0
	} else if (line ~ /kmemleak:   comm "/ && line !~ /comm "swapper/) {
		lost = ++leaks <= 5
		if (lost)
			complaints[++nr] = found
	}
	if (lost && line ~ /kmemleak:  /)
		complaints[++nr] = line
}

function out(line)
{
	if (!quiet)
		print line
}

{ sub(/\r$/, "") }
# Where the kernel says when it was.
{ sub(/^\[ *[0-9]+\.[0-9]+\] /, "") }

/^KTAP version/ && !started {
	started = 1
	out($0)
	next
}

# UML says these on every boot, see arch/um/os-Linux.
/^Warning: tempdir/ { next }

complaint($0) { complaints[++nr] = $0 }
{ leak($0) }

!started { next }

# KUnit of 6.1 does not know how many parameters a test will be run with, and
# gives no plan.  That all were run is said by the test's own result, which
# follows: only then, how many there were is put in.
/^        # Subtest: / { parameters = 0; open = 1 }
/^        1\.\./ { open = 0 }
/^        (not )?ok [0-9]/ { parameters++ }
/^    (not )?ok [0-9]/ {
	if (open)
		out("        1.." parameters)
	open = 0
}

/^reboot: (System halted|Restarting system)/ { halted = 1; next }

/^1\.\./ && !planned {
	planned = substr($0, 4) + 1
	out("1.." planned)
	next
}

/^not ok/ { failed = 1 }
/^(not )?ok [0-9]/ { results++ }

{ out($0) }

END {
	if (!started)
		exit 1
	if (!halted)
		complaints[++nr] = "the kernel did not come to its end"
	if (leaks)
		complaints[++nr] = "kmemleak: so many are lost: " leaks
	for (i = 1; i <= nr; i++)
		out("# " complaints[i])
	out((nr ? "not " : "") "ok " results + 1 " the kernel's log has no complaint")
	exit failed || nr || planned <= 1 || results + 1 != planned
}
