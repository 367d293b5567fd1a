//go:build unix

package pipe

import (
	"os"
	"os/exec"
	"syscall"
)

// group is the process group of a loader and its children.
type group int

// ownGroup gives a program a process group of its own, so that a signal of the terminal does not
// reach it.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func groupOf(p *os.Process) group { return group(p.Pid) }

func (g group) kill() { _ = syscall.Kill(-int(g), syscall.SIGKILL) } // it may have ended

func (g group) close() {}
