//go:build !unix

package cli

import (
	"context"
	"io"
)

// watchReader does nothing here: the next write fails if the loader is gone.
func watchReader(context.Context, io.Writer, func(error)) (stop func()) { return func() {} }
