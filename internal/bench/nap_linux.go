package bench

import (
	"runtime"
	"syscall"
	"time"
)

// precise makes the naps of this goroutine precise until it is released: Go's own timers are late by up to a millisecond, the kernel's by
// a tenth of that, but they need a thread.
func precise() (release func()) {
	runtime.LockOSThread()
	return runtime.UnlockOSThread
}

// nap sleeps for d, or shorter.
func nap(d time.Duration) {
	t := syscall.NsecToTimespec(int64(d))
	syscall.Nanosleep(&t, nil)
}
