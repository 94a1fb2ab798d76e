// Package raw is the form of what a scenario measured: one file per run, JSON lines, written while it happens and never rewritten.
//
//	header                        what was run where: system, nodes, seed, commit, versions, load offered, machine, units
//	attempt, fault, sample, …     as they happened, t in seconds since the load began
//	figure, point                 what the scenario makes of them: the numbers of tables and the dots of curves
//	end                           that the run was carried out, or why it is void
//
// A file without an end is of a run that was broken off. A run whose clients did not all report is void: its figures are not used.
// Everything that a report says is a figure or a row of such a file. Files may be compressed (.gz) to be kept.
//
// Arrows: the standard library. A [Writer] may be used by any goroutine.
package raw
