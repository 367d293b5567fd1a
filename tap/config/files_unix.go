//go:build unix

package config

import (
	"os"
	"os/exec"
	"syscall"
)

// sameOwner reports whether two files belong to the same user.
func sameOwner(a, b os.FileInfo) bool { return owner(a) == owner(b) }

func owner(f os.FileInfo) uint32 { return f.Sys().(*syscall.Stat_t).Uid }

// detach keeps signals of the terminal away from a command.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
