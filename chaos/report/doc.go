// Package report turns raw files into tables, plots and verdicts: one page for a browser and one text.
//
//	raw files ─▶ Load ─▶ Book: cells (scenario × length × nodes × system), each with its runs
//	                        ├─▶ Markdown: method, machine, tables (median, least and most), a verdict per claim
//	                        └─▶ HTML: the same with plots, nothing in it comes from elsewhere
//
// It measures nothing and invents nothing: a number stands in a raw file, or is the median, least or greatest of some that do. Runs that do not
// count are named and not used. The same files give the same bytes.
//
// Arrows: chaos/raw, chaos/scenario (titles), the standard library. Everything is a function of the files.
package report
