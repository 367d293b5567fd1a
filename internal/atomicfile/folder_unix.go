//go:build unix

package atomicfile

import "os"

// syncFolder makes a renamed file survive a crash.
func syncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
