//go:build !unix

package main

import (
	"os"
	"os/exec"
)

// ownGroup does nothing: there are no process groups to choose here.
func ownGroup(*exec.Cmd) {}

// askToEnd kills: there is no signal that asks.
func askToEnd(p *os.Process) { p.Kill() }

// killGroup leaves the default, which kills the shell.
func killGroup(*exec.Cmd) {}
