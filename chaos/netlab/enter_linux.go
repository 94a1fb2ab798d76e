package netlab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// insideVariable says to the second process that it is the one inside.
const insideVariable = "KLEEBLATT_NETLAB_INSIDE"

// Inside reports whether this process is the first one of a laboratory's namespaces.
func Inside() bool { return os.Getenv(insideVariable) == "1" && os.Getpid() == 1 }

// ErrUnable: the machine does not let us make namespaces or rules.
var ErrUnable = errors.New("no laboratory here")

// Able says why there can be no laboratory, nil where there can.
func Able() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: network namespaces need root", ErrUnable)
	}
	for tool, from := range map[string]string{"ip": "iproute2", "nft": "nftables"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%w: there is no %s (package %s)", ErrUnable, tool, from)
		}
	}
	return nil
}

// Enter runs this program again, with the same words, as the first process of new namespaces, and returns its exit status. When that
// process ends, however it does, the system ends all others in there and takes the networks down; and it ends with us. ctx asks
// it to end in good order.
func Enter(ctx context.Context, out, complaints io.Writer) (int, error) {
	if err := Able(); err != nil {
		return 0, err
	}
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	// What is to die with its parent dies with the thread that started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), insideVariable+"=1")
	cmd.Stdout, cmd.Stderr = out, complaints
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = goodOrder
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
	}
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// Interrupted is a context that ends with Ctrl-C or SIGTERM.
func Interrupted() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}

// settleIn makes what is mounted from now on ours alone, and a place for the names of namespaces that nobody else sees.
func settleIn() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	if err := os.MkdirAll(namespaces, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("none", namespaces, "tmpfs", 0, ""); err != nil {
		return fmt.Errorf("tmpfs at %s: %w", namespaces, err)
	}
	return nil
}

// namespaces is where ip keeps their names.
const namespaces = "/run/netns"
