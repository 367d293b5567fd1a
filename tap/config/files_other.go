//go:build !unix

package config

import "os"

func keepOwner(*os.File, os.FileInfo) {}

func syncDir(string) error { return nil }

func sameOwner(_, _ os.FileInfo) bool { return true }
