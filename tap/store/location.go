package store

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// location is a parsed address of a store. Parsing is the same on every platform.
type location struct {
	folder         string // absolute, with slashes; on Windows it begins with its drive: C:/ids
	bucket, prefix string
}

// errNoStore does not repeat the address, which may contain a password.
var errNoStore = errors.New(`it is no store: write it as file:///folder or s3://bucket/prefix, on Windows also as C:\folder`)

// parse reads the address of a store: file:///folder or s3://bucket/prefix; on Windows also
// C:\folder, C:/folder and file:///C:/folder.
func parse(address string) (location, error) {
	if hasDrive(address) {
		return folderAt(address)
	}
	u, err := url.Parse(strings.ReplaceAll(address, `\`, "/"))
	if err != nil {
		return location{}, errNoStore
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(address, "#") {
		return location{}, errors.New("it contains ? or #: write them as %3F and %23")
	}
	switch {
	case u.User != nil:
		return location{}, errors.New("it must not contain a user or a password")
	case u.Scheme == "file" && u.Host == "" && hasDrive(strings.TrimPrefix(u.Path, "/")):
		return folderAt(u.Path[1:])
	case u.Scheme == "file" && u.Host == "" && strings.HasPrefix(u.Path, "/"):
		return location{folder: u.Path}, nil
	case u.Scheme == "s3" && u.Host != "":
		return location{bucket: u.Host, prefix: strings.Trim(u.Path, "/")}, nil
	}
	return location{}, errNoStore
}

// folderAt returns the location of a folder on a drive.
func folderAt(path string) (location, error) {
	path = strings.ReplaceAll(path, `\`, "/")
	if !strings.HasPrefix(path[2:], "/") {
		return location{}, errNoStore // relative to wherever the drive is at
	}
	return location{folder: path}, nil
}

// hasDrive reports whether a path begins with the letter of a drive.
func hasDrive(path string) bool {
	if len(path) < 2 || path[1] != ':' {
		return false
	}
	c := path[0] | 0x20
	return c >= 'a' && c <= 'z'
}

// root returns the folder in the form of this platform, on which it must be absolute.
func (l location) root() (string, error) {
	root := filepath.FromSlash(l.folder)
	if !filepath.IsAbs(root) {
		return "", fmt.Errorf("%q is no absolute path on this platform", l.folder)
	}
	return root, nil
}

// fileURL returns the address of a path with slashes.
func fileURL(path string) string {
	if hasDrive(path) {
		path = "/" + path
	}
	return "file://" + path
}
