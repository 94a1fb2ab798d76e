// Package systems describes the routers that scenarios compare, each in a small YAML file: how node i of n is started, where its clients
// connect, and how one knows that it is ready. A reader adds a system by writing such a file; no code of the system is needed here.
//
//	*.yaml ─▶ Parse ─▶ System ─▶ Cluster: processes, ports, memory and processor time from /proc
//
// A node is a process and all that it starts: they are one process group, are measured together, and what the process leaves behind is
// killed. A child that makes a group of its own is neither seen nor ended. A [Cluster] ends what it started by process id and nothing else.
// All of its methods may be called by any goroutine, beside each other. Linux: it reads /proc.
package systems
