//go:build unix

package hub

import (
	"os/exec"
	"syscall"
)

// ownGroup makes the end of the context end the command's own children too.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
