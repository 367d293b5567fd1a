//go:build !unix

package pipe

import "os"

// Watch does nothing here: the next write fails if nobody reads the pipe.
func Watch(*os.File, func(error)) (stop func()) { return func() {} }
