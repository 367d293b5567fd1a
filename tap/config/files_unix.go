//go:build unix

package config

import (
	"os"
	"syscall"
)

// keepOwner gives the new file the old one's owner, where this process may.
func keepOwner(f *os.File, old os.FileInfo) {
	if st, ok := old.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(int(st.Uid), int(st.Gid)) // only root may give files away; then it stays with who runs this
	}
}

// syncDir makes sure that a renamed file is found after a crash.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
