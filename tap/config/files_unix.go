//go:build unix

package config

import (
	"os"
	"os/exec"
	"syscall"
)

// sameOwner reports whether two files belong to the same user.
func sameOwner(a, b os.FileInfo) bool {
	one, ok := a.Sys().(*syscall.Stat_t)
	other, ok2 := b.Sys().(*syscall.Stat_t)
	return ok && ok2 && one.Uid == other.Uid
}

// detach keeps signals of the terminal away from a command.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
