//go:build !linux

package bench

import "time"

// precise does nothing: naps are as precise as Go's timers.
func precise() (release func()) { return func() {} }

// nap sleeps for d.
func nap(d time.Duration) { time.Sleep(d) }
