//go:build unix

package atomicfile

import (
	"os"
	"syscall"
)

// SyncFolder makes the names of a folder's files survive a crash.
func SyncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// keepOwner gives a new file the old one's owner, if allowed.
func keepOwner(f *os.File, old os.FileInfo) {
	if st, ok := old.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(int(st.Uid), int(st.Gid)) // only root may change owners
	}
}
